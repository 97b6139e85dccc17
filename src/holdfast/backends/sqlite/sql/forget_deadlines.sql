-- Forget a minute in which no session ends any more.
DELETE FROM deadlines WHERE namespace = ? AND minute = ? AND sessions = 0
