-- migrate:up

-- What is looked at in pages, the newest first, has an index that goes that way within an organization.
CREATE INDEX enrollments_newest ON enrollments (organization_id, id);
CREATE INDEX enrollments_waiting ON enrollments (organization_id, expires_at, id) WHERE state = 'requested';
CREATE INDEX enrollments_in_trouble ON enrollments (organization_id, id) WHERE state IN ('failed', 'blocked');
CREATE INDEX evaluations_event ON evaluations (organization_id, event_id);
CREATE INDEX salesloft_memberships_newest ON salesloft_memberships (organization_id, added_at, id);
CREATE INDEX sync_ledger_newest ON sync_ledger (organization_id, started_at, stream, cycle);

-- Whoever reads the outbox by position asks how far positions were given out.
GRANT SELECT ON SEQUENCE outbox_position_seq TO cscx_salesloft_worker;

-- migrate:down

REVOKE SELECT ON SEQUENCE outbox_position_seq FROM cscx_salesloft_worker;
DROP INDEX sync_ledger_newest, salesloft_memberships_newest, evaluations_event, enrollments_in_trouble, enrollments_waiting,
  enrollments_newest;
