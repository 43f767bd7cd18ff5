-- The history, schema 1: many small rows, and none that may not be lost. Instants are seconds since the Unix epoch.
-- The instant comes first in each key: the rows of all checks for one minute are written together, to neighbouring pages.

CREATE TABLE names (
    id         INTEGER PRIMARY KEY,
    check_name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE minutes (
    at       INTEGER NOT NULL,
    check_id INTEGER NOT NULL,
    expected INTEGER NOT NULL,
    good     INTEGER NOT NULL,
    bad      INTEGER NOT NULL,
    unknown  INTEGER NOT NULL,
    latency  REAL,
    PRIMARY KEY (at, check_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE five_minutes (
    at       INTEGER NOT NULL,
    check_id INTEGER NOT NULL,
    expected INTEGER NOT NULL,
    good     INTEGER NOT NULL,
    bad      INTEGER NOT NULL,
    unknown  INTEGER NOT NULL,
    latency  REAL,
    PRIMARY KEY (at, check_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE hours (
    at       INTEGER NOT NULL,
    check_id INTEGER NOT NULL,
    expected INTEGER NOT NULL,
    good     INTEGER NOT NULL,
    bad      INTEGER NOT NULL,
    unknown  INTEGER NOT NULL,
    latency  REAL,
    PRIMARY KEY (at, check_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE detectors (
    check_name TEXT PRIMARY KEY,
    state      TEXT NOT NULL
) STRICT;

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

-- Six hours of minutes of ten thousand checks are 3.6 million rows: a start reads one row per check instead, and the
-- minutes that were written since.
CREATE TABLE windows (
    check_name TEXT PRIMARY KEY,
    until      INTEGER NOT NULL,
    minutes    BLOB NOT NULL
) STRICT;
