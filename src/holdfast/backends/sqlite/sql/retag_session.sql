-- Know the session's user by the name that the sealing key gives.
UPDATE sessions SET user_tag = ? WHERE id = ?
