-- migrate:up

-- Two roles that the service assumes (SET ROLE); who logs in is the deployment's own affair. Roles belong to the
-- cluster and not to the database, so another database of it may have made them already, even at this moment.
DO $$
DECLARE
  role_name text;
BEGIN
  FOREACH role_name IN ARRAY ARRAY['cscx_salesloft_worker', 'cscx_salesloft_api'] LOOP
    BEGIN
      EXECUTE format('CREATE ROLE %I NOLOGIN', role_name);
    EXCEPTION WHEN duplicate_object OR unique_violation THEN
      NULL;
    END;
  END LOOP;
END
$$;

-- Who owns the schema may act as either role; a superuser may anyway.
DO $$
BEGIN
  IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
    EXECUTE format('GRANT cscx_salesloft_worker, cscx_salesloft_api TO %I', current_user);
  END IF;
END
$$;

GRANT USAGE ON SCHEMA public TO cscx_salesloft_worker, cscx_salesloft_api;

-- Every table of an organization passes through here: the worker sees all rows (its statements join on the
-- organization), the api role only those of the organization that its transaction has set, and none if it set none.
CREATE FUNCTION keep_organizations_apart(table_name regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', table_name);
  EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', table_name);
  EXECUTE format('CREATE POLICY worker ON %s TO cscx_salesloft_worker USING (true) WITH CHECK (true)', table_name);
  EXECUTE format('CREATE POLICY owner ON %s TO %I USING (true) WITH CHECK (true)', table_name, current_user);
  EXECUTE format(
    'CREATE POLICY api ON %s TO cscx_salesloft_api '
    'USING (organization_id = (SELECT current_setting(''cscx.organization_id'', true))) '
    'WITH CHECK (organization_id = (SELECT current_setting(''cscx.organization_id'', true)))', table_name);
  EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO cscx_salesloft_worker', table_name);
  EXECUTE format('GRANT SELECT, INSERT, UPDATE ON %s TO cscx_salesloft_api', table_name);
END
$$;

CREATE TABLE organizations (
  organization_id   text PRIMARY KEY CHECK (organization_id <> '' AND position(':' IN organization_id) = 0),
  time_zone         text NOT NULL DEFAULT 'UTC',
  settings          jsonb NOT NULL DEFAULT '{}',
  settings_version  integer NOT NULL DEFAULT 1,
  -- Moves with everything that a decision reads of the organization besides the customer: mappings, connection,
  -- cadences, users. Deciders keep what they read under this number and read again when it moved.
  decision_version  bigint NOT NULL DEFAULT 1,
  created_at        timestamptz NOT NULL,
  updated_at        timestamptz NOT NULL
);
SELECT keep_organizations_apart('organizations');

CREATE TABLE salesloft_connections (
  organization_id   text PRIMARY KEY REFERENCES organizations,
  team_id           bigint NOT NULL,
  team_name         text,
  status            text NOT NULL CHECK (status IN ('connected', 'needs_reauthorization', 'disconnected')),
  status_reason     text,
  status_since      timestamptz NOT NULL,
  credential_kind   text NOT NULL CHECK (credential_kind IN ('oauth', 'api_key', 'client_credentials')),
  secret            bytea,                        -- the credential, encrypted under key_id
  key_id            text,
  token_generation  bigint NOT NULL DEFAULT 1,    -- moves with every change of the credential
  expires_at        timestamptz,                  -- of the access token; null where it does not expire
  connected_by      text,
  connected_at      timestamptz NOT NULL
);
-- The rate budget, the cursors and the links to people belong to the team: one organization has it.
CREATE UNIQUE INDEX salesloft_connections_team ON salesloft_connections (team_id) WHERE status <> 'disconnected';
SELECT keep_organizations_apart('salesloft_connections');

CREATE TABLE salesloft_users (
  organization_id   text NOT NULL REFERENCES organizations,
  user_id           bigint NOT NULL,
  guid              text,
  email             text,                         -- normalised
  name              text,
  active            boolean NOT NULL,
  refreshed_at      timestamptz NOT NULL,
  PRIMARY KEY (organization_id, user_id)
);
SELECT keep_organizations_apart('salesloft_users');

CREATE TABLE salesloft_cadences (
  organization_id   text NOT NULL REFERENCES organizations,
  cadence_id        bigint NOT NULL,
  name              text NOT NULL,
  people_addable    boolean NOT NULL,
  team_cadence      boolean NOT NULL,
  current_state     text,
  owner_user_id     bigint,
  steps             jsonb NOT NULL,               -- [{id, name, day, step_number, type, disabled}] in their order
  record            jsonb NOT NULL,               -- Salesloft's own
  refreshed_at      timestamptz NOT NULL,
  PRIMARY KEY (organization_id, cadence_id)
);
SELECT keep_organizations_apart('salesloft_cadences');

CREATE TABLE salesloft_cadence_mappings (
  id                    uuid NOT NULL,
  version               integer NOT NULL,
  organization_id       text NOT NULL REFERENCES organizations,
  status                text NOT NULL CHECK (status IN ('draft', 'published', 'retired')),
  trigger_type          text NOT NULL CHECK (trigger_type IN ('new-customer', 'renewal-window', 'at-risk', 'expansion-signal')),
  segment               text,                     -- null: any
  purpose               text NOT NULL CHECK (purpose IN ('welcome', 'renewal', 'save', 'upsell')),
  cadence_id            bigint,                   -- null only in a draft that still has to choose
  cadence_name          text,
  start_step_id         bigint,                   -- null: the cadence's first
  sender                jsonb NOT NULL,
  stakeholder_criteria  jsonb NOT NULL,
  customer_criteria     jsonb NOT NULL,
  policy                jsonb NOT NULL,
  priority              integer NOT NULL DEFAULT 100,
  exclusivity_group     text NOT NULL DEFAULT 'default',
  enabled               boolean NOT NULL DEFAULT true,
  created_at            timestamptz NOT NULL,
  created_by            text,
  published_at          timestamptz,
  published_by          text,
  PRIMARY KEY (id, version),
  CHECK (status = 'draft' OR cadence_id IS NOT NULL)
);
CREATE UNIQUE INDEX salesloft_cadence_mappings_published ON salesloft_cadence_mappings (id) WHERE status = 'published';
CREATE INDEX salesloft_cadence_mappings_organization ON salesloft_cadence_mappings (organization_id, status);
SELECT keep_organizations_apart('salesloft_cadence_mappings');

-- What a published version says never changes; only whether it counts may. Old decisions rest on it, so it stays.
CREATE FUNCTION refuse_change_of_published_mapping() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.status <> 'draft' AND (TG_OP = 'DELETE' OR NEW.status = 'draft' OR
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
CREATE TRIGGER published_mappings_stay BEFORE UPDATE OR DELETE ON salesloft_cadence_mappings
  FOR EACH ROW EXECUTE FUNCTION refuse_change_of_published_mapping();

-- Which versions counted under which decision_version, so that an old decision can be made again.
CREATE TABLE mapping_sets (
  organization_id   text NOT NULL REFERENCES organizations,
  decision_version  bigint NOT NULL,
  members           jsonb NOT NULL,               -- [{id, version, enabled, priority}]
  created_at        timestamptz NOT NULL,
  PRIMARY KEY (organization_id, decision_version)
);
SELECT keep_organizations_apart('mapping_sets');

-- migrate:down

DROP TABLE mapping_sets, salesloft_cadence_mappings, salesloft_cadences, salesloft_users, salesloft_connections, organizations;
DROP FUNCTION refuse_change_of_published_mapping;
DROP FUNCTION keep_organizations_apart;
