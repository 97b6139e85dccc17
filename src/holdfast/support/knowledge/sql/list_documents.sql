-- All documents, or with :id that one.
SELECT id, title, version, sha256, origin, audience, language,
       (SELECT count(*) FROM kb_chunk WHERE document = kb_document.number) AS passages
FROM kb_document
WHERE :id IS NULL OR id = :id
ORDER BY id;
