-- The ledger, schema 1. Plain SQL but for STRICT and the two triggers, so that another database can take it over.
-- Instants are ISO 8601 text in UTC with microseconds: fixed width, so that they sort, and readable in a shell.

CREATE TABLE events (
    seq            INTEGER PRIMARY KEY,
    schema_version INTEGER NOT NULL,
    name           TEXT NOT NULL,
    at             TEXT NOT NULL,
    wall           TEXT NOT NULL,
    text           TEXT NOT NULL,
    author         TEXT NOT NULL,
    incident       TEXT NOT NULL,
    service        TEXT NOT NULL,
    attributes     TEXT NOT NULL,
    trace_id       TEXT NOT NULL,
    span_id        TEXT NOT NULL
) STRICT;
CREATE INDEX events_by_incident ON events (incident, seq);

-- A log that can be changed is no evidence. The triggers also stop us, not only others.
CREATE TRIGGER events_are_never_changed BEFORE UPDATE ON events
BEGIN SELECT RAISE(ABORT, 'the ledger''s events are append-only: never changed'); END;
CREATE TRIGGER events_are_never_deleted BEFORE DELETE ON events
BEGIN SELECT RAISE(ABORT, 'the ledger''s events are append-only: never deleted'); END;

-- One row per incident, and at most one with an empty id per service: its place while clear or pending.
CREATE TABLE incidents (
    service          TEXT NOT NULL,
    id               TEXT NOT NULL,
    number           INTEGER NOT NULL,
    state            TEXT NOT NULL,
    since            TEXT NOT NULL,
    first_failure_at TEXT,
    opened_at        TEXT,
    resolved_at      TEXT,
    severity         INTEGER,
    lowered_from     INTEGER,
    reason           TEXT NOT NULL,
    acknowledged_by  TEXT NOT NULL,
    acknowledged_at  TEXT,
    declared_by      TEXT NOT NULL,
    mitigated_by     TEXT NOT NULL,
    reopened         INTEGER NOT NULL,
    trace_id         TEXT NOT NULL,
    span_id          TEXT NOT NULL,
    PRIMARY KEY (service, id)
) STRICT;
CREATE INDEX incidents_by_id ON incidents (id);
CREATE INDEX incidents_by_number ON incidents (number);

CREATE TABLE effects (
    key         TEXT PRIMARY KEY,
    incident    TEXT NOT NULL,
    service     TEXT NOT NULL,
    outlet      TEXT NOT NULL,
    kind        TEXT NOT NULL,
    position    INTEGER NOT NULL,
    created_at  TEXT NOT NULL,
    next_at     TEXT NOT NULL,
    urgent      INTEGER NOT NULL,
    state       TEXT NOT NULL,
    attempts    INTEGER NOT NULL,
    external_id TEXT NOT NULL,
    detail      TEXT NOT NULL
) STRICT;
CREATE INDEX effects_by_incident ON effects (incident, outlet, position);
CREATE INDEX effects_unfinished ON effects (outlet, incident, position) WHERE state IN ('waiting', 'sending');

CREATE TABLE incident_service (
    incident  TEXT NOT NULL,
    service   TEXT NOT NULL,
    joined_at TEXT NOT NULL,
    why       TEXT NOT NULL,
    left_at   TEXT,
    PRIMARY KEY (incident, service)
) STRICT;

CREATE TABLE incident_alert (
    incident    TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    source      TEXT NOT NULL,
    summary     TEXT NOT NULL,
    firing      INTEGER NOT NULL,
    at          TEXT NOT NULL,
    PRIMARY KEY (incident, fingerprint)
) STRICT;

CREATE TABLE incident_ticket (
    incident    TEXT NOT NULL,
    outlet      TEXT NOT NULL,
    external_id TEXT NOT NULL,
    url         TEXT NOT NULL,
    PRIMARY KEY (incident, outlet)
) STRICT;

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

-- The hour comes first: a whole hour is written at once, so its rows land on neighbouring pages.
CREATE TABLE budget_checkpoints (
    hour       TEXT NOT NULL,
    check_name TEXT NOT NULL,
    expected   INTEGER NOT NULL,
    good       INTEGER NOT NULL,
    bad        INTEGER NOT NULL,
    unknown    INTEGER NOT NULL,
    PRIMARY KEY (hour, check_name)
) STRICT, WITHOUT ROWID;

-- Ninety days of ten thousand checks are 21 million hourly checkpoints, and a start would read for a minute: what is
-- older than some hours is kept as one row per check, its alike hours counted as runs (monitor/core/strip.py).
CREATE TABLE budget_past (
    check_name TEXT PRIMARY KEY,
    until      TEXT NOT NULL,
    hours      BLOB NOT NULL
) STRICT;
