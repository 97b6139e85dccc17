-- Read the note beside a session.
-- As bytes: text that is damaged would be refused.
SELECT CAST(sealed AS BLOB) FROM drafts WHERE session = ?
