-- The chunks of document :id in reading order; with :audiences, a JSON array, if it is for one.
SELECT d.id, d.title, c.headings, c.anchor, c.body, d.version
FROM kb_chunk c JOIN kb_document d ON d.number = c.document
WHERE d.id = :id
  AND (:audiences IS NULL OR d.audience IN (SELECT value FROM json_each(:audiences)))
ORDER BY c.position;
