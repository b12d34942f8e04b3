-- migrate:up

-- Runs are taken on one at a time; one that waits, or failed for a fault of ours, is looked at again when it is due.
ALTER TABLE mapping_runs ADD COLUMN due_at timestamptz NOT NULL DEFAULT '-infinity', ADD COLUMN error text;
CREATE INDEX mapping_runs_due ON mapping_runs (due_at, id) WHERE ended_at IS NULL;

-- migrate:down

DROP INDEX mapping_runs_due;
ALTER TABLE mapping_runs DROP COLUMN due_at, DROP COLUMN error;
