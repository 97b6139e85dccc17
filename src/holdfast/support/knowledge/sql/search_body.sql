-- The :depth best chunks by their body. :expression is an FTS5 query, :audiences a JSON array.
SELECT c.number, c.document, -bm25(kb_fts_body) AS score
FROM kb_fts_body f
JOIN kb_chunk c ON c.number = f.rowid
JOIN kb_document d ON d.number = c.document
WHERE kb_fts_body MATCH :expression
  AND d.audience IN (SELECT value FROM json_each(:audiences))
ORDER BY score DESC
LIMIT :depth;
