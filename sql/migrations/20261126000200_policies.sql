-- migrate:up

-- When a worker was let in to enroll, by business time: what caps and quotas count, where a membership may come of it.
ALTER TABLE enrollments ADD COLUMN claimed_at timestamptz;
UPDATE enrollments e SET claimed_at = h.claimed_at
FROM (SELECT enrollment_id, max(changed_at) AS claimed_at FROM enrollment_history WHERE to_state = 'enrolling' GROUP BY 1) AS h
WHERE h.enrollment_id = e.id AND e.state IN ('enrolling', 'unknown', 'enrolled', 'paused', 'completed', 'removed', 'exited');
CREATE INDEX enrollments_claimed ON enrollments (organization_id, claimed_at) WHERE claimed_at IS NOT NULL;

-- Whoever counts enrollments in order to add one holds the row of what is counted until the commit.
CREATE TABLE limit_locks (
  organization_id  text NOT NULL REFERENCES organizations,
  counted          text NOT NULL,                -- of a stakeholder, an account, a sender or a mapping
  subject          text NOT NULL,                -- its id
  locked_at        timestamptz NOT NULL,         -- business time of the last count
  PRIMARY KEY (organization_id, counted, subject)
) WITH (fillfactor = 50);                        -- changed by every count, in place
SELECT keep_organizations_apart('limit_locks');

-- Whom an organization never contacts. What is taken off the list stays as history.
CREATE TABLE suppressions (
  organization_id  text NOT NULL REFERENCES organizations,
  kind             text NOT NULL CHECK (kind IN ('email', 'domain')),
  value            text NOT NULL,                -- normalised; a domain stands for those below it, too
  note             text,
  added_at         timestamptz NOT NULL,
  added_by         text,
  removed_at       timestamptz,
  removed_by       text,
  PRIMARY KEY (organization_id, kind, value, added_at)
);
CREATE UNIQUE INDEX suppressions_now ON suppressions (organization_id, kind, value) WHERE removed_at IS NULL;
SELECT keep_organizations_apart('suppressions');

-- migrate:down

DROP TABLE suppressions, limit_locks;
DROP INDEX enrollments_claimed;
ALTER TABLE enrollments DROP COLUMN claimed_at;
