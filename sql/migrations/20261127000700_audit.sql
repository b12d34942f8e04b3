-- migrate:up

-- Everything that was done on somebody's behalf. A row is noted in the transaction that does it, and sealed after its commit:
-- it gets the next sequence of its organization's chain, and a hash over the entry before it and itself. Ids and digests only.
CREATE TABLE audit_entries (
  id               uuid PRIMARY KEY,
  organization_id  text NOT NULL,
  position         bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  done_at          timestamptz NOT NULL,         -- business time
  recorded_at      timestamptz NOT NULL DEFAULT clock_timestamp(),  -- real time
  action           text NOT NULL,
  subject          text NOT NULL,                -- what it was done to, as kind/id
  actor            text,                         -- a user's id; null: the service by itself
  way              text NOT NULL CHECK (way IN ('api', 'command_line', 'chat', 'approver', 'service')),
  correlation_id   text,
  digest           text,                         -- of what is not kept here: a reason, an address, an erased id
  detail           jsonb NOT NULL DEFAULT '{}',  -- names to text, whole numbers, true, false or null
  sequence         bigint,                       -- from 1 without a gap; null until it is sealed
  hash             bytea,
  sealed_at        timestamptz,
  CHECK (num_nulls(sequence, hash, sealed_at) IN (0, 3))
);
CREATE UNIQUE INDEX audit_entries_chain ON audit_entries (organization_id, sequence) WHERE sequence IS NOT NULL;
CREATE INDEX audit_entries_unsealed ON audit_entries (organization_id, position) WHERE sequence IS NULL;

-- How far each organization's chain is. Whoever seals holds the row.
CREATE TABLE audit_chains (
  organization_id  text PRIMARY KEY,
  sequence         bigint NOT NULL,              -- of the last entry, 0 before the first
  hash             bytea NOT NULL,
  sealed_at        timestamptz NOT NULL
);
SELECT keep_organizations_apart('audit_entries'), keep_organizations_apart('audit_chains');

-- Both roles note; only the worker seals, and neither has the right to change what was noted, or to take it away.
REVOKE ALL ON audit_entries, audit_chains FROM cscx_salesloft_worker, cscx_salesloft_api;
GRANT SELECT, INSERT (id, organization_id, done_at, action, subject, actor, way, correlation_id, digest, detail)
  ON audit_entries TO cscx_salesloft_worker, cscx_salesloft_api;
GRANT UPDATE (sequence, hash, sealed_at) ON audit_entries TO cscx_salesloft_worker;
GRANT SELECT ON audit_chains TO cscx_salesloft_api;
GRANT SELECT, INSERT, UPDATE ON audit_chains TO cscx_salesloft_worker;

-- What no role may do the owner does not do by mistake either, and a seal is set once.
CREATE FUNCTION refuse_change_of_audit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND OLD.sequence IS NULL AND
     (OLD.id, OLD.organization_id, OLD.position, OLD.done_at, OLD.recorded_at, OLD.action, OLD.subject, OLD.actor, OLD.way,
      OLD.correlation_id, OLD.digest, OLD.detail)
     IS NOT DISTINCT FROM
     (NEW.id, NEW.organization_id, NEW.position, NEW.done_at, NEW.recorded_at, NEW.action, NEW.subject, NEW.actor, NEW.way,
      NEW.correlation_id, NEW.digest, NEW.detail) THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'the audit log is not changed' USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER audit_stays BEFORE UPDATE OR DELETE ON audit_entries FOR EACH ROW EXECUTE FUNCTION refuse_change_of_audit();
CREATE TRIGGER audit_stays_whole BEFORE TRUNCATE ON audit_entries EXECUTE FUNCTION refuse_change_of_audit();

-- migrate:down

DROP TABLE audit_chains, audit_entries;
DROP FUNCTION refuse_change_of_audit;
