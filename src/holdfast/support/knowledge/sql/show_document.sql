-- The chunks of document :id in reading order.
SELECT d.id, d.title, c.headings, c.anchor, c.body, d.version
FROM kb_chunk c JOIN kb_document d ON d.number = c.document
WHERE d.id = :id
ORDER BY c.position;
