-- migrate:up

-- Organizations that leave, or have left: of those nothing is taken from the bus any more, whatever comes.
CREATE TABLE departures (
  organization_id  text PRIMARY KEY REFERENCES organizations,
  asked_by         text NOT NULL,
  asked_at         timestamptz NOT NULL,         -- business time
  left_behind      integer,                      -- who was on a cadence and could not be taken off; null until rows are deleted
  rows_deleted     bigint NOT NULL DEFAULT 0,
  left_at          timestamptz                   -- null while it leaves
);
CREATE INDEX departures_under_way ON departures (asked_at) WHERE left_at IS NULL;
SELECT keep_organizations_apart('departures');

-- Delete up to so many rows of an organization that leaves, and answer how many it were: none when there are no more. Whatever
-- carries an organization's id goes, in the tables to come too; what stays is that it was here and left, and the audit log, which
-- holds ids and digests. What other rows refer to goes after them. It acts as the owner: no role has the right to all of this.
CREATE FUNCTION forget_organization(leaving text, at_most integer) RETURNS bigint LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  place regclass;
  gone bigint;
  total bigint := 0;
BEGIN
  IF NOT EXISTS (SELECT FROM departures WHERE organization_id = leaving AND left_at IS NULL) THEN
    RAISE EXCEPTION 'the organization % is not leaving', leaving USING ERRCODE = 'restrict_violation';
  END IF;
  FOR place IN
    SELECT c.oid::regclass FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attname = 'organization_id'
      AND c.relname NOT IN ('organizations', 'departures', 'audit_entries', 'audit_chains')
    ORDER BY c.oid DESC
  LOOP
    BEGIN
      EXECUTE format('DELETE FROM %1$s WHERE ctid = ANY (ARRAY(SELECT ctid FROM %1$s WHERE organization_id = $1 LIMIT $2))', place)
        USING leaving, at_most - total;
      GET DIAGNOSTICS gone = ROW_COUNT;
      total := total + gone;
    EXCEPTION WHEN foreign_key_violation THEN
      CONTINUE;
    END;
    EXIT WHEN total >= at_most;
  END LOOP;
  RETURN total;
END
$$;
REVOKE ALL ON FUNCTION forget_organization FROM PUBLIC;
GRANT EXECUTE ON FUNCTION forget_organization TO cscx_salesloft_worker;

CREATE OR REPLACE FUNCTION refuse_change_of_published_mapping() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' AND EXISTS (SELECT FROM departures d WHERE d.organization_id = OLD.organization_id AND d.left_at IS NULL) THEN
    RETURN OLD;
  END IF;
  IF OLD.status NOT IN ('draft', 'validated') AND (TG_OP = 'DELETE' OR NEW.status IN ('draft', 'validated') OR
     (OLD.id, OLD.version, OLD.trigger_type, OLD.segment, OLD.purpose, OLD.cadence_id, OLD.start_step_id, OLD.sender,
      OLD.stakeholder_criteria, OLD.customer_criteria, OLD.policy, OLD.exclusivity_group, OLD.organization_id)
     IS DISTINCT FROM
     (NEW.id, NEW.version, NEW.trigger_type, NEW.segment, NEW.purpose, NEW.cadence_id, NEW.start_step_id, NEW.sender,
      NEW.stakeholder_criteria, NEW.customer_criteria, NEW.policy, NEW.exclusivity_group, NEW.organization_id)) THEN
    RAISE EXCEPTION 'mapping % version % is published: publish a new version', OLD.id, OLD.version
      USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN coalesce(NEW, OLD);
END
$$;

-- migrate:down

CREATE OR REPLACE FUNCTION refuse_change_of_published_mapping() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.status NOT IN ('draft', 'validated') AND (TG_OP = 'DELETE' OR NEW.status IN ('draft', 'validated') OR
     (OLD.id, OLD.version, OLD.trigger_type, OLD.segment, OLD.purpose, OLD.cadence_id, OLD.start_step_id, OLD.sender,
      OLD.stakeholder_criteria, OLD.customer_criteria, OLD.policy, OLD.exclusivity_group, OLD.organization_id)
     IS DISTINCT FROM
     (NEW.id, NEW.version, NEW.trigger_type, NEW.segment, NEW.purpose, NEW.cadence_id, NEW.start_step_id, NEW.sender,
      NEW.stakeholder_criteria, NEW.customer_criteria, NEW.policy, NEW.exclusivity_group, NEW.organization_id)) THEN
    RAISE EXCEPTION 'mapping % version % is published: publish a new version', OLD.id, OLD.version
      USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN coalesce(NEW, OLD);
END
$$;
DROP FUNCTION forget_organization;
DROP TABLE departures;
