-- The :depth best chunks by their title. :expression is an FTS5 query.
SELECT rowid, -bm25(kb_fts_title) AS score
FROM kb_fts_title
WHERE kb_fts_title MATCH :expression
ORDER BY score DESC
LIMIT :depth;
