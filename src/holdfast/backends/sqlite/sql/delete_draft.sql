-- Forget the note beside a session.
DELETE FROM drafts WHERE session = ?
