-- The chunks of documents for none of the audiences in the JSON array :audiences.
SELECT c.number
FROM kb_document d JOIN kb_chunk c ON c.document = d.number
WHERE d.audience NOT IN (SELECT value FROM json_each(:audiences));
