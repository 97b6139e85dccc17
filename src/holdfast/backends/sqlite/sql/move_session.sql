-- Give a session's deadline its new minute.
UPDATE sessions SET minute = ? WHERE id = ?
