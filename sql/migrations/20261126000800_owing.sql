-- migrate:up

-- Looked at every few seconds, and few: cycles that ended owing something.
CREATE INDEX sync_ledger_owing ON sync_ledger (ended_at) WHERE owed > 0;

-- migrate:down

DROP INDEX sync_ledger_owing;
