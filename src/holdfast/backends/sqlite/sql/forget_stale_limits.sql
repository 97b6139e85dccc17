-- Forget rate limits that are full or come from before the host was started.
DELETE FROM limits WHERE arrival <= :now OR arrival - span > :now
