-- migrate:up

-- What an organization's settings were under each version of them.
CREATE TABLE organization_settings (
  organization_id   text NOT NULL REFERENCES organizations,
  settings_version  integer NOT NULL,
  settings          jsonb NOT NULL,
  changed_at        timestamptz NOT NULL,
  changed_by        text,
  PRIMARY KEY (organization_id, settings_version)
);
SELECT keep_organizations_apart('organization_settings');

-- Several stakeholders may be one person: what was last sent is known of each of them, or they would take turns in
-- being told anew.
ALTER TABLE stakeholder_people ADD COLUMN sent_digest text;

-- When all of a team's cadences and users were last read, also where it has none.
CREATE TABLE salesloft_catalogues (
  organization_id  text PRIMARY KEY REFERENCES organizations,
  read_at          timestamptz NOT NULL          -- business time
);
SELECT keep_organizations_apart('salesloft_catalogues');

-- Salesloft's cadences have no description: this is the organization's own. It outlives the cadence's absence.
CREATE TABLE cadence_notes (
  organization_id  text NOT NULL REFERENCES organizations,
  cadence_id       bigint NOT NULL,
  description      text NOT NULL,
  written_at       timestamptz NOT NULL,
  written_by       text,
  PRIMARY KEY (organization_id, cadence_id)
);
SELECT keep_organizations_apart('cadence_notes');

-- A cadence's counts since it was made, of all its people, as Salesloft told them.
CREATE TABLE cadence_stats (
  organization_id  text NOT NULL REFERENCES organizations,
  cadence_id       bigint NOT NULL,
  stats            jsonb NOT NULL,
  read_at          timestamptz NOT NULL,         -- business time
  PRIMARY KEY (organization_id, cadence_id)
);
SELECT keep_organizations_apart('cadence_stats');

-- Telling Salesloft of everybody, in one bulk job: how far it has come.
CREATE TABLE people_syncs (
  id                uuid PRIMARY KEY,
  organization_id   text NOT NULL REFERENCES organizations,
  state             text NOT NULL CHECK (state IN ('comparing', 'accounts', 'sending', 'executing', 'collecting', 'done', 'failed')),
  to_compare        integer NOT NULL,
  compared_to       text NOT NULL DEFAULT '',     -- the last stakeholder that was compared, in the order of ids
  compared          integer NOT NULL DEFAULT 0,
  unchanged         integer NOT NULL DEFAULT 0,
  left_out          jsonb NOT NULL DEFAULT '{}',  -- {reason: how many}
  to_send           integer NOT NULL DEFAULT 0,   -- the members' places are 1 to this
  sent              integer NOT NULL DEFAULT 0,   -- the place of the last member that was sent
  processed         integer NOT NULL DEFAULT 0,   -- by Salesloft's own count
  succeeded         integer NOT NULL DEFAULT 0,
  refused           jsonb NOT NULL DEFAULT '{}',  -- {reason: how many}
  job_id            bigint,                       -- Salesloft's bulk job
  executing_at      timestamptz,                  -- business time
  collected_to      bigint NOT NULL DEFAULT 0,    -- the last of the job's results that was read
  error             text,
  requested_by      text,
  created_at        timestamptz NOT NULL,
  ended_at          timestamptz
);
CREATE UNIQUE INDEX people_syncs_running ON people_syncs (organization_id) WHERE ended_at IS NULL;
CREATE INDEX people_syncs_organization ON people_syncs (organization_id, created_at);
SELECT keep_organizations_apart('people_syncs');

-- Whom a running sync tells of; gone with its end. Ids and digests only: what is sent is made again from the directory.
CREATE TABLE people_sync_members (
  organization_id  text NOT NULL REFERENCES organizations,
  sync_id          uuid NOT NULL REFERENCES people_syncs ON DELETE CASCADE,
  place            integer NOT NULL,
  stakeholder_id   text NOT NULL,
  digest           text NOT NULL,
  outcome          text,
  PRIMARY KEY (sync_id, place)
);
CREATE INDEX people_sync_members_stakeholder ON people_sync_members (sync_id, stakeholder_id);
SELECT keep_organizations_apart('people_sync_members');

-- What Salesloft would not take, so that it is not asked again while it is the same.
CREATE TABLE people_refusals (
  organization_id  text NOT NULL REFERENCES organizations,
  stakeholder_id   text NOT NULL,
  digest           text NOT NULL,
  reason           text NOT NULL,
  refused_at       timestamptz NOT NULL,         -- business time
  PRIMARY KEY (organization_id, stakeholder_id)
);
SELECT keep_organizations_apart('people_refusals');

-- migrate:down

DROP TABLE people_refusals, people_sync_members, people_syncs, cadence_stats, cadence_notes, salesloft_catalogues, organization_settings;
ALTER TABLE stakeholder_people DROP COLUMN sent_digest;
