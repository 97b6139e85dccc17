-- All documents, or with :id that one; with :audiences, a JSON array, those for one of them.
SELECT id, title, version, sha256, origin, audience, language,
       (SELECT count(*) FROM kb_chunk WHERE document = kb_document.number) AS passages
FROM kb_document
WHERE (:id IS NULL OR id = :id)
  AND (:audiences IS NULL OR audience IN (SELECT value FROM json_each(:audiences)))
ORDER BY id;
