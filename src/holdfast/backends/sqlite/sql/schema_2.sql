-- Schema 2: the log of a session in stretches, one row for all that a change appends.

-- `last` numbers the newest item of a stretch. The rows stand in the order in which they were
-- written: those of one transaction fill a few pages, whatever sessions they belong to.
CREATE TABLE stretches (
    session INTEGER NOT NULL,
    last INTEGER NOT NULL,
    at INTEGER NOT NULL,
    origin TEXT NOT NULL,
    lengths TEXT NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY (session, last)
);

INSERT INTO stretches (session, last, at, origin, lengths, sealed)
SELECT session, number, at, origin, length(sealed), sealed FROM items ORDER BY session, number;

DROP TABLE items;
