-- Chunk :number.
SELECT d.id, d.title, c.headings, c.anchor, c.body, d.version
FROM kb_chunk c JOIN kb_document d ON d.number = c.document
WHERE c.number = :number;
