-- From schema 2 to 3: what happens to sessions is told, while somebody watches.

-- Kept until every watcher has read it; a number is never used twice, and none is left out.
CREATE TABLE events (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL,
    kind TEXT NOT NULL,
    reason TEXT
);

-- The processes that watch. `until` is of the boot clock; `seen` is the last event that was read.
CREATE TABLE watchers (
    token TEXT PRIMARY KEY,
    until INTEGER NOT NULL,
    seen INTEGER NOT NULL
) WITHOUT ROWID;
