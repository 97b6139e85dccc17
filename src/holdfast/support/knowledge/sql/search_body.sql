-- The :depth best chunks by their body. :expression is an FTS5 query.
SELECT rowid, -bm25(kb_fts_body) AS score
FROM kb_fts_body
WHERE kb_fts_body MATCH :expression
ORDER BY score DESC
LIMIT :depth;
