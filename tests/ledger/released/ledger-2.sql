BEGIN TRANSACTION;
CREATE TABLE budget_checkpoints (
    hour       TEXT NOT NULL,
    check_name TEXT NOT NULL,
    expected   INTEGER NOT NULL,
    good       INTEGER NOT NULL,
    bad        INTEGER NOT NULL,
    unknown    INTEGER NOT NULL,
    PRIMARY KEY (hour, check_name)
) STRICT, WITHOUT ROWID;
INSERT INTO "budget_checkpoints" VALUES('2026-03-01T01:00:00.000000+00:00','open-service/live',120,101,10,2);
INSERT INTO "budget_checkpoints" VALUES('2026-03-01T01:00:00.000000+00:00','open-service/ready',120,101,10,2);
INSERT INTO "budget_checkpoints" VALUES('2026-03-01T02:00:00.000000+00:00','open-service/live',120,102,10,2);
INSERT INTO "budget_checkpoints" VALUES('2026-03-01T02:00:00.000000+00:00','open-service/ready',120,102,10,2);
CREATE TABLE budget_past (
    check_name TEXT PRIMARY KEY,
    until      TEXT NOT NULL,
    hours      BLOB NOT NULL
) STRICT;
INSERT INTO "budget_past" VALUES('open-service/live','2026-03-01T01:00:00.000000+00:00',X'7061636B6564200020686F757273');
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
INSERT INTO "effects" VALUES('01JNQ0000000000000000000A1/folder/0001/create','01JNQ0000000000000000000A1','resolved-service','folder','create',1,'2026-03-01T03:01:00.250000+00:00','2026-03-01T03:02:00.250000+00:00',0,'confirmed',1,'INC.md','said confirmed');
INSERT INTO "effects" VALUES('01JNQ0000000000000000000A1/folder/0002/reopen','01JNQ0000000000000000000A1','resolved-service','folder','reopen',2,'2026-03-01T03:02:00.250000+00:00','2026-03-01T03:03:00.250000+00:00',0,'dead',7,'INC.md','said dead');
INSERT INTO "effects" VALUES('01JNQ0000000000000000000A1/folder/0003/close','01JNQ0000000000000000000A1','resolved-service','folder','close',3,'2026-03-01T03:03:00.250000+00:00','2026-03-01T03:04:00.250000+00:00',0,'confirmed',2,'INC.md','said confirmed');
INSERT INTO "effects" VALUES('01JNQ0000000000000000000A2/folder/0001/create','01JNQ0000000000000000000A2','open-service','folder','create',1,'2026-03-01T03:01:00.250000+00:00','2026-03-01T03:02:00.250000+00:00',1,'sending',1,'INC.md','said sending');
INSERT INTO "effects" VALUES('01JNQ0000000000000000000A2/folder/0002/update','01JNQ0000000000000000000A2','open-service','folder','update',2,'2026-03-01T03:02:00.250000+00:00','2026-03-01T03:03:00.250000+00:00',1,'superseded',0,'','');
INSERT INTO "effects" VALUES('01JNQ0000000000000000000A2/folder/0003/update','01JNQ0000000000000000000A2','open-service','folder','update',3,'2026-03-01T03:03:00.250000+00:00','2026-03-01T03:04:00.250000+00:00',1,'waiting',0,'','');
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
INSERT INTO "events" VALUES(1,1,'incident.opened','2026-03-01T03:00:00.250000+00:00','2026-03-01T03:00:01.250000+00:00','line 0','watchkeeper','01JNQ0000000000000000000A2','open-service','{"severity": "SEV1", "why": ["a", "ü"], "n": 0, "none": null}','0af7651916cd43dd8448eb211c80319c','b7ad6b7169203331');
INSERT INTO "events" VALUES(2,1,'incident.noted','2026-03-01T03:01:00.250000+00:00','2026-03-01T03:01:01.250000+00:00','line 1','Grace','01JNQ0000000000000000000A2','open-service','{"severity": "SEV1", "why": ["a", "ü"], "n": 1, "none": null}','0af7651916cd43dd8448eb211c80319c','b7ad6b7169203331');
INSERT INTO "events" VALUES(3,1,'clock.stepped','2026-03-01T03:02:00.250000+00:00','2026-03-01T03:02:01.250000+00:00','line 2','watchkeeper','','','{"severity": "SEV1", "why": ["a", "ü"], "n": 2, "none": null}','0af7651916cd43dd8448eb211c80319c','b7ad6b7169203331');
CREATE TABLE incident_alert (
    incident    TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    source      TEXT NOT NULL,
    summary     TEXT NOT NULL,
    firing      INTEGER NOT NULL,
    at          TEXT NOT NULL, service TEXT NOT NULL DEFAULT '', starts_at TEXT, ends_at TEXT, heard_at TEXT, expired INTEGER NOT NULL DEFAULT 0, details TEXT NOT NULL DEFAULT '{}',
    PRIMARY KEY (incident, fingerprint)
) STRICT;
INSERT INTO "incident_alert" VALUES('01JNQ0000000000000000000A3','f1','report','it is slow',0,'2026-03-01T03:00:00.250000+00:00','',NULL,NULL,NULL,0,'{}');
INSERT INTO "incident_alert" VALUES('01JNQ0000000000000000000A3','f2','alertmanager','Down',1,'2026-03-01T03:01:00.250000+00:00','',NULL,NULL,NULL,0,'{}');
CREATE TABLE incident_service (
    incident  TEXT NOT NULL,
    service   TEXT NOT NULL,
    joined_at TEXT NOT NULL,
    why       TEXT NOT NULL,
    left_at   TEXT,
    PRIMARY KEY (incident, service)
) STRICT;
INSERT INTO "incident_service" VALUES('01JNQ0000000000000000000A2','child-service','2026-03-01T03:02:00.250000+00:00','depends on it','2026-03-01T03:03:00.250000+00:00');
INSERT INTO "incident_service" VALUES('01JNQ0000000000000000000A2','open-service','2026-03-01T03:02:00.250000+00:00','subject',NULL);
CREATE TABLE incident_ticket (
    incident    TEXT NOT NULL,
    outlet      TEXT NOT NULL,
    external_id TEXT NOT NULL,
    url         TEXT NOT NULL,
    PRIMARY KEY (incident, outlet)
) STRICT;
INSERT INTO "incident_ticket" VALUES('01JNQ0000000000000000000A1','folder','INC.md','file:///INC.md');
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
INSERT INTO "incidents" VALUES('clear-service','',0,'clear','2026-03-01T03:00:00.250000+00:00',NULL,NULL,NULL,NULL,NULL,'','',NULL,'','',0,'','');
INSERT INTO "incidents" VALUES('open-service','01JNQ0000000000000000000A2',2,'open','2026-03-01T03:01:00.250000+00:00','2026-03-01T03:00:00.250000+00:00','2026-03-01T03:01:00.250000+00:00',NULL,1,NULL,'ready: status: 503 «voll»','Grace','2026-03-01T03:02:00.250000+00:00','','',0,'0af7651916cd43dd8448eb211c80319c','b7ad6b7169203331');
INSERT INTO "incidents" VALUES('pending-service','',0,'pending','2026-03-01T03:00:00.250000+00:00','2026-03-01T03:00:00.250000+00:00',NULL,NULL,NULL,NULL,'live: timeout','',NULL,'','',0,'','');
INSERT INTO "incidents" VALUES('recovering-service','01JNQ0000000000000000000A3',3,'recovering','2026-03-01T03:05:00.250000+00:00','2026-03-01T03:00:00.250000+00:00','2026-03-01T03:01:00.250000+00:00',NULL,3,2,'some checks failing','',NULL,'Ada','Ada',0,'','');
INSERT INTO "incidents" VALUES('resolved-service','01JNQ0000000000000000000A1',1,'resolved','2026-03-01T03:40:00.250000+00:00','2026-03-01T03:00:00.250000+00:00','2026-03-01T03:00:00.250000+00:00','2026-03-01T03:40:00.250000+00:00',4,NULL,'queue anomaly','',NULL,'','',2,'','');
CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;
INSERT INTO "meta" VALUES('instance_id','01JNQ0000000000000000000ZZ');
INSERT INTO "meta" VALUES('timeline','{"origin": 1.5, "boot_id": "b"}');
CREATE INDEX events_by_incident ON events (incident, seq);
CREATE TRIGGER events_are_never_changed BEFORE UPDATE ON events
BEGIN SELECT RAISE(ABORT, 'the ledger''s events are append-only: never changed'); END;
CREATE TRIGGER events_are_never_deleted BEFORE DELETE ON events
BEGIN SELECT RAISE(ABORT, 'the ledger''s events are append-only: never deleted'); END;
CREATE INDEX incidents_by_id ON incidents (id);
CREATE INDEX incidents_by_number ON incidents (number);
CREATE INDEX effects_by_incident ON effects (incident, outlet, position);
CREATE INDEX effects_unfinished ON effects (outlet, incident, position) WHERE state IN ('waiting', 'sending');
CREATE INDEX alerts_by_hearing ON incident_alert (heard_at);
COMMIT;
PRAGMA user_version = 2;
