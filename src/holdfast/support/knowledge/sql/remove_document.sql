-- Remove document :id, after its chunks.
DELETE FROM kb_document WHERE id = :id;
