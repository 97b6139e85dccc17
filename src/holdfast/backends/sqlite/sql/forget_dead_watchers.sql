-- Forget watchers that did not go on, or come from before the host was started.
DELETE FROM watchers WHERE until <= :now OR until - :span > :now
