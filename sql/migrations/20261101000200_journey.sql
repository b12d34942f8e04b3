-- migrate:up

-- An organization and what it has: a customer, or a stakeholder.
CREATE TYPE subject_key AS (organization_id text, subject_id text);
CREATE TYPE customer_snapshot AS (
  organization_id text, customer_id text, data text, as_of timestamptz, as_of_offset bigint, from_directory boolean);
CREATE TYPE stakeholder_snapshot AS (
  organization_id text, stakeholder_id text, customer_id text, email text, data text, as_of timestamptz, as_of_offset bigint,
  from_directory boolean);
CREATE TYPE new_evaluation AS (
  id uuid, organization_id text, customer_id text, cause text, event_id text, event_type text, business_key text,
  correlation_id text, decision_version bigint, facts text, outcomes text, digest bytea);
CREATE TYPE new_enrollment AS (
  id uuid, organization_id text, customer_id text, stakeholder_id text, trigger_type text, exclusivity_group text,
  business_key text, event_id text, event_time timestamptz, evaluation_id uuid, correlation_id text, mapping_id uuid,
  mapping_version integer, cadence_id bigint, request text, request_digest text, expires_at timestamptz,
  execute_by timestamptz, start_on date, start_step_id bigint, sender_user_id bigint);

-- What every event writes names its organization without a foreign key: the organization's row is made, or found, in the
-- transaction that writes, and is never deleted before them; a look at it for each of five rows is a tenth of a batch's time.

-- The customer's row is also the customer's lock: whoever changes anything of a customer takes it first.
-- A row without data is a customer that is only referred to yet.
CREATE TABLE directory_customers (
  organization_id  text NOT NULL,
  customer_id      text NOT NULL,
  data             json,
  as_of            timestamptz NOT NULL,
  as_of_offset     bigint NOT NULL,              -- settles equal times within the directory's topic
  from_directory   boolean NOT NULL,             -- else from a snapshot within an event; the directory's wins a tie
  erased_at        timestamptz,
  PRIMARY KEY (organization_id, customer_id)
) WITH (fillfactor = 70);
SELECT keep_organizations_apart('directory_customers');

CREATE TABLE directory_stakeholders (
  organization_id  text NOT NULL,
  stakeholder_id   text NOT NULL,
  customer_id      text NOT NULL,
  email            text,                         -- normalised
  data             json,
  as_of            timestamptz NOT NULL,
  as_of_offset     bigint NOT NULL,
  from_directory   boolean NOT NULL,
  left_at          timestamptz,                  -- of the latest word that they left
  listed_at        timestamptz,                  -- of the directory's latest snapshot, also of one that came too late to count
  erased_at        timestamptz,
  PRIMARY KEY (organization_id, stakeholder_id)
) WITH (fillfactor = 70);
CREATE INDEX directory_stakeholders_customer ON directory_stakeholders (organization_id, customer_id);
CREATE INDEX directory_stakeholders_email ON directory_stakeholders (organization_id, email);
SELECT keep_organizations_apart('directory_stakeholders');

CREATE TABLE evaluations (
  id                uuid NOT NULL,
  organization_id   text NOT NULL,
  customer_id       text NOT NULL,
  cause             text NOT NULL CHECK (cause IN ('event', 'deferral', 'renewal')),
  event_id          text NOT NULL,
  event_type        text NOT NULL,
  business_key      text NOT NULL,
  correlation_id    text NOT NULL,
  decision_version  bigint NOT NULL,
  evaluated_at      timestamptz NOT NULL,
  facts             json NOT NULL,
  outcomes          json NOT NULL,               -- [{stakeholder_id, outcome, reason, mapping_id, mapping_version, request_digest}]
  digest            bytea NOT NULL,              -- of the outcomes
  PRIMARY KEY (evaluated_at, id)
) PARTITION BY RANGE (evaluated_at);
-- A row of two kilobytes stays whole and plain: to compress each costs the insert a fifth of its time.
CREATE TABLE evaluations_default PARTITION OF evaluations DEFAULT WITH (toast_tuple_target = 8160);
CREATE INDEX evaluations_customer ON evaluations (organization_id, customer_id, evaluated_at);
SELECT keep_organizations_apart('evaluations');

-- Triggers that a late fact may still turn, until their window ends.
CREATE TABLE deferrals (
  organization_id  text NOT NULL REFERENCES organizations,
  customer_id      text NOT NULL,
  event_id         text NOT NULL,
  event_source     text NOT NULL,
  event_type       text NOT NULL,
  event_time       timestamptz NOT NULL,
  business_key     text NOT NULL,
  correlation_id   text NOT NULL,
  data             bytea NOT NULL,               -- the event's JSON as it came
  stakeholder_ids  text[] NOT NULL,              -- whom it speaks of
  reasons          text[] NOT NULL,
  deferred_until   timestamptz NOT NULL,
  wake_at          timestamptz NOT NULL,         -- when to decide again, at the latest when the window ends
  decision_version bigint NOT NULL,              -- decided under it; to be decided again once the organization's moves on
  created_at       timestamptz NOT NULL,
  PRIMARY KEY (organization_id, customer_id, event_source, event_id)
);
CREATE INDEX deferrals_stakeholders ON deferrals USING gin (stakeholder_ids);
CREATE INDEX deferrals_wake_at ON deferrals (wake_at);
CREATE INDEX deferrals_decided_under ON deferrals (organization_id, decision_version);
SELECT keep_organizations_apart('deferrals');

-- An event's JSON, or an evaluation's facts, without what they say of some stakeholders. Reasons are free text: they go too.
CREATE FUNCTION without_people(document jsonb, ids text[]) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN document #> '{trigger,reasons}' IS NOT NULL THEN jsonb_set(told, '{trigger,reasons}', '[]') ELSE told END
  FROM (SELECT CASE WHEN jsonb_typeof(document -> 'stakeholders') = 'array' THEN jsonb_set(document, '{stakeholders}', (
    SELECT coalesce(jsonb_agg(CASE WHEN one ->> 'id' = ANY (ids) THEN jsonb_build_object('id', one -> 'id') ELSE one END
                              ORDER BY place), '[]')
    FROM jsonb_array_elements(document -> 'stakeholders') WITH ORDINALITY AS listed (one, place)
  )) ELSE document END) AS scrubbed (told)
$$;

-- What an outcome has ended, kept so that a trigger which is consumed after it is seen to be over.
CREATE TABLE ended_runs (
  organization_id  text NOT NULL REFERENCES organizations,
  customer_id      text NOT NULL,
  event_id         text NOT NULL,
  outcome_type     text NOT NULL,
  trigger_type     text,                         -- null: every trigger
  business_key     text,                         -- null: every run whose trigger is not later
  stakeholder_id   text,                         -- null: every stakeholder
  ended_at         timestamptz NOT NULL,         -- the outcome's own time
  PRIMARY KEY (organization_id, customer_id, event_id)
);
SELECT keep_organizations_apart('ended_runs');

CREATE TABLE risk_episodes (
  organization_id  text NOT NULL REFERENCES organizations,
  customer_id      text NOT NULL,
  episode_id       text NOT NULL,
  opened_at        timestamptz NOT NULL,
  holds_until      timestamptz NOT NULL,
  ended_at         timestamptz,
  PRIMARY KEY (organization_id, customer_id, episode_id)
);
SELECT keep_organizations_apart('risk_episodes');

CREATE TABLE enrollments (
  id                   uuid PRIMARY KEY,
  organization_id      text NOT NULL,
  customer_id          text NOT NULL,
  stakeholder_id       text NOT NULL,
  state                text NOT NULL CHECK (state IN (
    'requested', 'approved', 'rejected', 'expired', 'withdrawn', 'scheduled', 'enrolling', 'enrolled', 'unknown', 'failed',
    'stale', 'blocked', 'paused', 'completed', 'removed', 'exited')),
  sequence             integer NOT NULL,         -- of its last change; orders its events
  reason               text,
  trigger_type         text,                     -- null: added by a person
  exclusivity_group    text NOT NULL,
  business_key         text,
  event_id             text,
  event_time           timestamptz,
  evaluation_id        uuid,
  correlation_id       text NOT NULL,
  mapping_id           uuid,
  mapping_version      integer,
  cadence_id           bigint NOT NULL,
  request              json NOT NULL,            -- the approval request as it was published
  request_digest       text NOT NULL,
  requested_at         timestamptz NOT NULL,
  requested_by_user    text,                     -- null: asked for by a trigger
  expires_at           timestamptz NOT NULL,
  execute_by           timestamptz NOT NULL,
  decision             json,                     -- the one that counted
  start_on             date NOT NULL,
  start_step_id        bigint,
  sender_user_id       bigint NOT NULL,
  pending_end          text,                     -- an end that came while a call was open: its reason
  salesloft_person_id  bigint,
  membership_id        uuid,
  intended_at          timestamptz,              -- by Salesloft's clock: no membership added before it can be ours
  expected_at          timestamptz,
  created_at           timestamptz NOT NULL,
  updated_at           timestamptz NOT NULL
) WITH (fillfactor = 80, toast_tuple_target = 8160);
-- A request uses its run up, unless it expired or was withdrawn.
CREATE UNIQUE INDEX enrollments_run ON enrollments
  (organization_id, stakeholder_id, trigger_type, exclusivity_group, business_key)
  WHERE state NOT IN ('expired', 'withdrawn') AND trigger_type IS NOT NULL;
CREATE UNIQUE INDEX enrollments_on_cadence ON enrollments (organization_id, salesloft_person_id, cadence_id)
  WHERE state IN ('enrolling', 'unknown', 'enrolled', 'paused') AND salesloft_person_id IS NOT NULL;
CREATE UNIQUE INDEX enrollments_membership ON enrollments (membership_id) WHERE membership_id IS NOT NULL;
CREATE INDEX enrollments_stakeholder ON enrollments (organization_id, stakeholder_id);
CREATE INDEX enrollments_customer ON enrollments (organization_id, customer_id);
CREATE INDEX enrollments_expiring ON enrollments (expires_at) WHERE state = 'requested';
SELECT keep_organizations_apart('enrollments');

CREATE TABLE enrollment_history (
  enrollment_id    uuid NOT NULL,
  sequence         integer NOT NULL,
  organization_id  text NOT NULL,
  from_state       text,
  to_state         text NOT NULL,
  reason           text,
  actor_kind       text NOT NULL,
  actor_user_id    text,
  changed_at       timestamptz NOT NULL,
  detail           json,
  PRIMARY KEY (enrollment_id, sequence)
);
SELECT keep_organizations_apart('enrollment_history');

-- Every decision that ever arrived: the one that counted, and why the others did not.
CREATE TABLE approval_decisions (
  organization_id  text NOT NULL,
  enrollment_id    uuid NOT NULL,
  event_id         text NOT NULL,
  event_source     text NOT NULL,
  verdict          text NOT NULL CHECK (verdict IN ('approved', 'rejected')),
  request_digest   text NOT NULL,
  decided_by       text NOT NULL,
  decided_at       timestamptz NOT NULL,
  received_at      timestamptz NOT NULL,
  ignored_because  text,                         -- null: it counted
  PRIMARY KEY (organization_id, enrollment_id, event_source, event_id)
);
SELECT keep_organizations_apart('approval_decisions');

-- migrate:down

DROP TABLE approval_decisions, enrollment_history, enrollments, risk_episodes, ended_runs, deferrals, evaluations,
  directory_stakeholders, directory_customers;
DROP FUNCTION without_people;
DROP TYPE new_enrollment, new_evaluation, stakeholder_snapshot, customer_snapshot, subject_key;
