-- Schema 2. Ninety days of ten thousand checks are 21 million hourly checkpoints, and a start would read for a minute:
-- what is older than some hours is kept as one row per check, its alike hours counted as runs (monitor/core/strip.py).

CREATE TABLE budget_past (
    check_name TEXT PRIMARY KEY,
    until      TEXT NOT NULL,
    hours      BLOB NOT NULL
) STRICT;
