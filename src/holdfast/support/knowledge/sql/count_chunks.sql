-- How many chunks there are.
SELECT count(*) FROM kb_chunk;
