-- How many chunks there are, and how many of documents for the audiences in the JSON array
-- :audiences.
SELECT count(*), count(*) FILTER (WHERE d.audience IN (SELECT value FROM json_each(:audiences)))
FROM kb_chunk c JOIN kb_document d ON d.number = c.document;
