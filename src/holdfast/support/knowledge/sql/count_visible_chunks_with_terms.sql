-- Like count_chunks_with_terms, among the chunks of documents for the audiences in the JSON array
-- :audiences. The two tables of uses are made by open_uses.
WITH hidden (number) AS (
  SELECT c.number
  FROM kb_document d JOIN kb_chunk c ON c.document = d.number
  WHERE d.audience NOT IN (SELECT value FROM json_each(:audiences))
)
SELECT value,
       max(
         (SELECT count(DISTINCT doc) FROM temp.kb_title_use
          WHERE term = value AND doc NOT IN (SELECT number FROM hidden)),
         (SELECT count(DISTINCT doc) FROM temp.kb_body_use
          WHERE term = value AND doc NOT IN (SELECT number FROM hidden))
       )
FROM json_each(:terms);
