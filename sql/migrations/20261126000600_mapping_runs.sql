-- migrate:up

-- Mappings that are run once over those whom their trigger has come for before. `after_customer` is how far a run is.
CREATE TABLE mapping_runs (
  id               uuid PRIMARY KEY,
  organization_id  text NOT NULL REFERENCES organizations,
  mapping_id       uuid NOT NULL,
  mapping_version  integer NOT NULL,
  since            timestamptz NOT NULL,         -- of events that came from then on
  at_most          integer NOT NULL CHECK (at_most > 0),
  reason           text NOT NULL,
  started_by       text NOT NULL,
  started_at       timestamptz NOT NULL,
  after_customer   text NOT NULL DEFAULT '',
  customers        integer NOT NULL DEFAULT 0,   -- looked at
  requested        integer NOT NULL DEFAULT 0 CHECK (requested <= at_most),
  ended_at         timestamptz,
  outcome          text CHECK (outcome IN ('complete', 'cap_reached', 'mapping_changed', 'cancelled')),
  cancelled_by     text,
  CHECK ((ended_at IS NULL) = (outcome IS NULL))
);
CREATE UNIQUE INDEX mapping_runs_open ON mapping_runs (organization_id, mapping_id) WHERE ended_at IS NULL;
CREATE INDEX mapping_runs_organization ON mapping_runs (organization_id, started_at);
SELECT keep_organizations_apart('mapping_runs');

ALTER TABLE evaluations DROP CONSTRAINT evaluations_cause_check;
ALTER TABLE evaluations ADD CONSTRAINT evaluations_cause_check
  CHECK (cause IN ('event', 'deferral', 'withdrawal', 'renewal', 'run')) NOT VALID;

-- migrate:down

ALTER TABLE evaluations DROP CONSTRAINT evaluations_cause_check;
-- Enrollments name them, and what they were asked for is told by them.
UPDATE evaluations SET cause = 'deferral' WHERE cause IN ('withdrawal', 'run');
ALTER TABLE evaluations ADD CONSTRAINT evaluations_cause_check CHECK (cause IN ('event', 'deferral', 'renewal'));
DROP TABLE mapping_runs;
