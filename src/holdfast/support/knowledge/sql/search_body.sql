-- The :depth best chunks by their body, of documents for the audiences in the JSON array :audiences.
-- :expression is an FTS5 query. The plus keeps the index of words the one that is walked along.
SELECT rowid, -bm25(kb_fts_body) AS score
FROM kb_fts_body
WHERE kb_fts_body MATCH :expression
  AND +rowid NOT IN (
    SELECT c.number
    FROM kb_document d JOIN kb_chunk c ON c.document = d.number
    WHERE d.audience NOT IN (SELECT value FROM json_each(:audiences))
  )
ORDER BY score DESC
LIMIT :depth;
