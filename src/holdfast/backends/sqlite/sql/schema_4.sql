-- From schema 3 to 4: a note may stand beside a session.

CREATE TABLE drafts (
    session INTEGER PRIMARY KEY,
    sealed BLOB NOT NULL
);
