-- The chunks whose numbers stand in the JSON array :numbers.
SELECT c.number, d.id, d.title, c.headings, c.anchor, c.body, d.version, c.keywords
FROM kb_chunk c JOIN kb_document d ON d.number = c.document
WHERE c.number IN (SELECT value FROM json_each(:numbers));
