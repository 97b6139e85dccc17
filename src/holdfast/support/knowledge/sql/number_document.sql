-- The number of document :id.
SELECT number FROM kb_document WHERE id = :id;
