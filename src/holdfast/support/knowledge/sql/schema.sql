-- A knowledge base: documents, their chunks, and two indexes over the chunks.
-- Titles and bodies are indexed apart because BM25 weighs a word by the length of its text: adding
-- the two scores finds short questions that one table with weighted columns misses.
CREATE TABLE kb_document (
  number   INTEGER PRIMARY KEY,
  id       TEXT NOT NULL UNIQUE,
  title    TEXT NOT NULL,
  version  INTEGER NOT NULL,
  sha256   TEXT NOT NULL,
  origin   TEXT NOT NULL,
  audience TEXT NOT NULL,
  language TEXT NOT NULL
);

CREATE TABLE kb_chunk (
  number   INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used again: readers remember chunks by it
  document INTEGER NOT NULL REFERENCES kb_document (number),
  position INTEGER NOT NULL,
  headings TEXT NOT NULL,                  -- JSON array, outermost first
  anchor   TEXT NOT NULL,
  title    TEXT NOT NULL,                  -- title of the document and headings, for the index
  keywords TEXT NOT NULL,                  -- of the document: other words for its subject
  body     TEXT NOT NULL,
  UNIQUE (document, position)
);

CREATE VIRTUAL TABLE kb_fts_title USING fts5 (
  title, keywords, content = 'kb_chunk', content_rowid = 'number', tokenize = 'porter unicode61'
);
CREATE VIRTUAL TABLE kb_fts_body USING fts5 (
  body, content = 'kb_chunk', content_rowid = 'number', tokenize = 'porter unicode61'
);
CREATE VIRTUAL TABLE kb_title_term USING fts5vocab ('kb_fts_title', 'row');
CREATE VIRTUAL TABLE kb_body_term USING fts5vocab ('kb_fts_body', 'row');

CREATE TRIGGER kb_chunk_added AFTER INSERT ON kb_chunk BEGIN
  INSERT INTO kb_fts_title (rowid, title, keywords)
  VALUES (new.number, new.title, new.keywords);
  INSERT INTO kb_fts_body (rowid, body) VALUES (new.number, new.body);
END;
CREATE TRIGGER kb_chunk_removed AFTER DELETE ON kb_chunk BEGIN
  INSERT INTO kb_fts_title (kb_fts_title, rowid, title, keywords)
  VALUES ('delete', old.number, old.title, old.keywords);
  INSERT INTO kb_fts_body (kb_fts_body, rowid, body) VALUES ('delete', old.number, old.body);
END;
