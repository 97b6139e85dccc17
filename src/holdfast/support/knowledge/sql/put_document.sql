-- Write a document. :id :title :version :sha256 :origin :audience :language
INSERT INTO kb_document (id, title, version, sha256, origin, audience, language)
VALUES (:id, :title, :version, :sha256, :origin, :audience, :language)
ON CONFLICT (id) DO UPDATE SET
  title = excluded.title, version = excluded.version, sha256 = excluded.sha256,
  origin = excluded.origin, audience = excluded.audience, language = excluded.language;
