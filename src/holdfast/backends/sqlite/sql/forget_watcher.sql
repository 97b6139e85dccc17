-- Watch no more.
DELETE FROM watchers WHERE token = ?
