-- Schema 2. Six hours of minutes of ten thousand checks are 3.6 million rows: a start reads one row per check instead,
-- and the minutes that were written since.

CREATE TABLE windows (
    check_name TEXT PRIMARY KEY,
    until      INTEGER NOT NULL,
    minutes    BLOB NOT NULL
) STRICT;
