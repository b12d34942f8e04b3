-- migrate:up

-- An organization looks at its log from the newest entry on, also at one user's doing, and at what was done to one thing.
-- Not by position, which counts every organization's entries.
CREATE INDEX audit_entries_latest ON audit_entries (organization_id, recorded_at, id);
CREATE INDEX audit_entries_by_actor ON audit_entries (organization_id, actor, recorded_at, id) WHERE actor IS NOT NULL;
CREATE INDEX audit_entries_of_subject ON audit_entries (organization_id, subject, recorded_at, id);

-- migrate:down

DROP INDEX audit_entries_latest, audit_entries_by_actor, audit_entries_of_subject;
