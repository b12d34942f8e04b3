-- migrate:up

-- Salesloft's record of a person that is linked to a stakeholder: what the consent gate reads, and nothing more.
CREATE TABLE salesloft_people (
  organization_id       text NOT NULL REFERENCES organizations,
  person_id             bigint NOT NULL,
  email                 text,                    -- normalised
  account_id            bigint,
  owner_user_id         bigint,
  do_not_contact        boolean NOT NULL,
  contact_restrictions  text[] NOT NULL,
  bouncing              boolean NOT NULL,
  deleted               boolean NOT NULL DEFAULT false,
  salesloft_updated_at  timestamptz NOT NULL,
  read_at               timestamptz NOT NULL,    -- business time at which this was Salesloft's answer
  synced_digest         text,                    -- of what we last sent; null: never sent
  PRIMARY KEY (organization_id, person_id)
);
CREATE INDEX salesloft_people_email ON salesloft_people (organization_id, email);
SELECT keep_organizations_apart('salesloft_people');

CREATE TABLE salesloft_accounts (
  organization_id       text NOT NULL REFERENCES organizations,
  account_id            bigint NOT NULL,
  domain                text,
  do_not_contact        boolean NOT NULL,
  salesloft_updated_at  timestamptz NOT NULL,
  read_at               timestamptz NOT NULL,
  PRIMARY KEY (organization_id, account_id)
);
SELECT keep_organizations_apart('salesloft_accounts');

CREATE TABLE stakeholder_people (
  organization_id  text NOT NULL REFERENCES organizations,
  stakeholder_id   text NOT NULL,
  person_id        bigint NOT NULL,
  linked_by        text NOT NULL CHECK (linked_by IN ('upsert', 'email')),
  linked_at        timestamptz NOT NULL,
  PRIMARY KEY (organization_id, stakeholder_id)
);
CREATE INDEX stakeholder_people_person ON stakeholder_people (organization_id, person_id);
SELECT keep_organizations_apart('stakeholder_people');

-- Everything done at Salesloft, stored before its call. One at a time for a person, oldest first.
CREATE TABLE commands (
  position         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id               uuid NOT NULL UNIQUE,
  organization_id  text NOT NULL REFERENCES organizations,
  kind             text NOT NULL,
  subject          text NOT NULL,                -- what it must not overlap with: a stakeholder, or the organization's cache
  enrollment_id    uuid,
  payload          jsonb NOT NULL DEFAULT '{}',
  correlation_id   text NOT NULL,
  state            text NOT NULL CHECK (state IN ('pending', 'done', 'cancelled')),
  outcome          text,
  due_at           timestamptz NOT NULL,         -- business time
  retry_after      timestamptz NOT NULL DEFAULT '-infinity',  -- real time, of backoff
  attempts         integer NOT NULL DEFAULT 0,
  holder           text,
  leased_until     timestamptz,                  -- real time
  believable_after timestamptz,                  -- real time; set while a call's outcome is unknown: a reading that finds nothing before is too early
  last_error       text,
  created_at       timestamptz NOT NULL,
  done_at          timestamptz
);
-- One at a time: a holder is kept until its command is given back, done, or taken over after its lease.
CREATE UNIQUE INDEX commands_held ON commands (organization_id, subject) WHERE state = 'pending' AND holder IS NOT NULL;
CREATE INDEX commands_queue ON commands (organization_id, position) WHERE state = 'pending';
CREATE INDEX commands_waiting ON commands (organization_id, subject, position) WHERE state = 'pending';
CREATE INDEX commands_due ON commands (due_at) WHERE state = 'pending';
CREATE INDEX commands_enrollment ON commands (enrollment_id) WHERE enrollment_id IS NOT NULL;
SELECT keep_organizations_apart('commands');

CREATE TABLE salesloft_memberships (
  id                       uuid PRIMARY KEY,
  organization_id          text NOT NULL REFERENCES organizations,
  stakeholder_id           text,
  salesloft_person_id      bigint NOT NULL,
  cadence_id               bigint NOT NULL,
  cadence_name             text,
  status                   text NOT NULL,
  current_step             integer,
  added_at                 timestamptz NOT NULL,
  completed_at             timestamptz,
  salesloft_membership_id  bigint NOT NULL,
  salesloft_state          text,
  currently_on_cadence     boolean NOT NULL,
  salesloft_user_id        bigint,
  step_id                  bigint,
  enrollment_id            uuid,
  salesloft_updated_at     timestamptz NOT NULL,
  created_at               timestamptz NOT NULL,
  -- Salesloft keeps one record per person and cadence and moves its added_at when the person is added again.
  UNIQUE (organization_id, salesloft_membership_id, added_at)
);
CREATE INDEX salesloft_memberships_stakeholder ON salesloft_memberships (organization_id, stakeholder_id);
CREATE INDEX salesloft_memberships_person ON salesloft_memberships (organization_id, salesloft_person_id, cadence_id);
SELECT keep_organizations_apart('salesloft_memberships');

-- The highest counts ever seen of an e-mail.
CREATE TABLE salesloft_emails (
  organization_id       text NOT NULL REFERENCES organizations,
  email_id              bigint NOT NULL,
  person_id             bigint NOT NULL,
  cadence_id            bigint,
  step_id               bigint,
  sent_at               timestamptz,
  views                 integer NOT NULL,
  clicks                integer NOT NULL,
  replies               integer NOT NULL,
  bounced               boolean NOT NULL,
  salesloft_updated_at  timestamptz NOT NULL,
  PRIMARY KEY (organization_id, email_id)
);
CREATE INDEX salesloft_emails_person ON salesloft_emails (organization_id, person_id);
SELECT keep_organizations_apart('salesloft_emails');

CREATE TABLE activity_units (
  event_id         uuid NOT NULL,
  organization_id  text NOT NULL REFERENCES organizations,
  stakeholder_id   text NOT NULL,
  enrollment_id    uuid,
  source           text NOT NULL,
  source_id        text NOT NULL,
  metric           text NOT NULL,
  ordinal          integer NOT NULL,
  person_id        bigint NOT NULL,
  cadence_id       bigint,
  step_id          bigint,
  occurred_from    timestamptz NOT NULL,
  occurred_to      timestamptz NOT NULL,         -- equal to occurred_from where the instant is known
  noticed_at       timestamptz NOT NULL,
  confidence       text,
  PRIMARY KEY (organization_id, event_id)
);
CREATE INDEX activity_units_stakeholder ON activity_units (organization_id, stakeholder_id, occurred_to);
CREATE INDEX activity_units_source ON activity_units (organization_id, source, source_id);
SELECT keep_organizations_apart('activity_units');

CREATE TABLE engagements (
  organization_id  text NOT NULL REFERENCES organizations,
  stakeholder_id   text NOT NULL,
  customer_id      text NOT NULL,
  data             jsonb NOT NULL,
  updated_at       timestamptz NOT NULL,
  PRIMARY KEY (organization_id, stakeholder_id)
);
SELECT keep_organizations_apart('engagements');

-- One row per stream of a team's records: where its reader stands, who runs it, when it runs next.
CREATE TABLE sync_streams (
  organization_id  text NOT NULL REFERENCES organizations,
  stream           text NOT NULL CHECK (stream IN ('memberships', 'emails', 'calls', 'people', 'accounts', 'histories')),
  position_at      timestamptz,                  -- updated_at of the last row seen
  position_ids     text[] NOT NULL DEFAULT '{}', -- the rows of that very instant that were seen
  cycle            bigint NOT NULL DEFAULT 0,
  cycle_started_at timestamptz,
  cycle_ended_at   timestamptz,
  next_cycle_at    timestamptz NOT NULL,
  holder           text,
  leased_until     timestamptz,                  -- real time
  PRIMARY KEY (organization_id, stream)
);
SELECT keep_organizations_apart('sync_streams');

CREATE TABLE sync_ledger (
  organization_id  text NOT NULL REFERENCES organizations,
  stream           text NOT NULL,
  cycle            bigint NOT NULL,
  started_at       timestamptz NOT NULL,
  ended_at         timestamptz,
  watermark        timestamptz,
  scanned          bigint NOT NULL DEFAULT 0,
  emitted          bigint NOT NULL DEFAULT 0,
  deduplicated     bigint NOT NULL DEFAULT 0,
  out_of_scope     bigint NOT NULL DEFAULT 0,
  fallen           bigint NOT NULL DEFAULT 0,
  owed             bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (organization_id, stream, cycle)
);
SELECT keep_organizations_apart('sync_ledger');

-- People of the team that no stakeholder is linked to: the id, and a keyed digest by which a later one finds it.
CREATE TABLE unlinked_people (
  organization_id  text NOT NULL REFERENCES organizations,
  person_id        bigint NOT NULL,
  email_digest     bytea,
  PRIMARY KEY (organization_id, person_id)
);
SELECT keep_organizations_apart('unlinked_people');

-- migrate:down

DROP TABLE unlinked_people, sync_ledger, sync_streams, engagements, activity_units, salesloft_emails, salesloft_memberships,
  commands, stakeholder_people, salesloft_accounts, salesloft_people;
