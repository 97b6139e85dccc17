-- The tables of schema 1, made in a file that holds nothing yet; later schemas build on them.

-- One row a session. `minute` is the minute of its deadline, counted from 1970: coarse, so that
-- the index on it moves once a minute at the most. `remembered` counts the changes kept for it,
-- over its whole life.
CREATE TABLE sessions (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    namespace TEXT NOT NULL,
    minute INTEGER NOT NULL,
    remembered INTEGER NOT NULL,
    incarnation TEXT NOT NULL,
    revision INTEGER NOT NULL,
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    active INTEGER NOT NULL,
    base INTEGER NOT NULL,
    ttl INTEGER NOT NULL,
    cap INTEGER NOT NULL,
    user_tag BLOB NOT NULL,
    length INTEGER NOT NULL,
    last_item INTEGER NOT NULL,
    integers TEXT NOT NULL,
    sealed BLOB NOT NULL
);
CREATE INDEX sessions_by_creation ON sessions (namespace, created, key);
CREATE INDEX sessions_by_deadline ON sessions (namespace, minute);
CREATE INDEX sessions_by_user ON sessions (namespace, user_tag, created, key)
    WHERE user_tag <> x'';

-- How many sessions of a namespace end in a minute.
CREATE TABLE deadlines (
    namespace TEXT NOT NULL,
    minute INTEGER NOT NULL,
    sessions INTEGER NOT NULL,
    PRIMARY KEY (namespace, minute)
) WITHOUT ROWID;

CREATE TABLE items (
    session INTEGER NOT NULL,
    number INTEGER NOT NULL,
    at INTEGER NOT NULL,
    origin TEXT NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY (session, number)
) WITHOUT ROWID;

-- The changes that a session recognises, in a ring of slots: a new one takes the oldest one's.
CREATE TABLE changes (
    session INTEGER NOT NULL,
    slot INTEGER NOT NULL,
    change_id TEXT NOT NULL,
    digest BLOB NOT NULL,
    revision INTEGER NOT NULL,
    integers TEXT NOT NULL,
    first_item INTEGER,
    last_item INTEGER NOT NULL,
    PRIMARY KEY (session, slot)
) WITHOUT ROWID;
CREATE UNIQUE INDEX changes_by_id ON changes (session, change_id);

-- Times in this table and the next are of the boot clock.
CREATE TABLE leases (
    session INTEGER PRIMARY KEY,
    token TEXT NOT NULL,
    until INTEGER NOT NULL,
    ttl INTEGER NOT NULL,
    fence INTEGER NOT NULL
);

-- Rate limits that are not full. `span` is the furthest that `arrival` can lie ahead.
CREATE TABLE limits (
    key TEXT PRIMARY KEY,
    arrival INTEGER NOT NULL,
    span INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX limits_by_arrival ON limits (arrival);
