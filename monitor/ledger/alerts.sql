-- Schema 2: what is known of an alert of another system, so that a restart can tell an old telling from a new one. A row
-- without an incident is an alert that belongs to none: over before anybody told of it, or of a service that is not ours.
ALTER TABLE incident_alert ADD COLUMN service TEXT NOT NULL DEFAULT '';
ALTER TABLE incident_alert ADD COLUMN starts_at TEXT;
ALTER TABLE incident_alert ADD COLUMN ends_at TEXT;
ALTER TABLE incident_alert ADD COLUMN heard_at TEXT;
ALTER TABLE incident_alert ADD COLUMN expired INTEGER NOT NULL DEFAULT 0;
-- JSON: its labels, annotations and links.
ALTER TABLE incident_alert ADD COLUMN details TEXT NOT NULL DEFAULT '{}';
CREATE INDEX alerts_by_hearing ON incident_alert (heard_at);
