-- Remove the chunks of document :id; the indexes follow by trigger.
DELETE FROM kb_chunk WHERE document = (SELECT number FROM kb_document WHERE id = :id);
