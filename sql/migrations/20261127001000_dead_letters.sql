-- migrate:up

-- Dead letters whose organization is known, as that organization may look at them and send them back. The topics of dead letters
-- stay what counts for the operator; one whose organization cannot be told is there alone. Kept no longer than those topics keep it.
CREATE TABLE dead_letters (
  id                uuid PRIMARY KEY,              -- by chance: nothing of it tells where the record lies
  organization_id   text NOT NULL,
  consumer_group    text NOT NULL,
  topic             text NOT NULL,                 -- where the record failed first, and at which place of it
  origin_partition  integer NOT NULL,              -- partition and offset count other organizations' records, too: never told
  origin_offset     bigint NOT NULL,
  origin_at         timestamptz NOT NULL,          -- the record's own time
  replays           integer NOT NULL,              -- how often it was sent back before it failed this time
  came_back_from    uuid,                          -- the redrive that sent it back the last time
  subject_id        text,                          -- the customer's or stakeholder's id in the record's key
  event_id          text,
  event_type        text,
  correlation_id    text,
  stage             text NOT NULL,
  code              text NOT NULL,
  message           text NOT NULL,                 -- redacted
  attempts          integer NOT NULL,
  shown             json,                          -- what the record says, without what is personal
  failed_at         timestamptz NOT NULL,          -- business time
  kept_at           timestamptz NOT NULL DEFAULT clock_timestamp(),
  state             text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'too_large', 'sent_back', 'parked', 'erased')),
  redrive_id        uuid,                          -- which has sent it back, or parked it
  key               bytea,                         -- the dead letter's own bytes, gone once it is sent back or erased
  headers           bytea,
  payload           bytea
);
CREATE UNIQUE INDEX dead_letters_by_origin
  ON dead_letters (organization_id, consumer_group, topic, origin_partition, origin_offset, replays);
CREATE INDEX dead_letters_in_order ON dead_letters (organization_id, failed_at DESC, id DESC);
CREATE INDEX dead_letters_waiting ON dead_letters (organization_id, failed_at, id) WHERE state = 'waiting';
CREATE INDEX dead_letters_by_redrive ON dead_letters (organization_id, redrive_id) WHERE redrive_id IS NOT NULL;
CREATE INDEX dead_letters_come_back ON dead_letters (organization_id, came_back_from) WHERE came_back_from IS NOT NULL;
CREATE INDEX dead_letters_by_age ON dead_letters (kept_at);

-- What an organization has sent back.
CREATE TABLE dead_letter_redrives (
  id               uuid PRIMARY KEY,
  organization_id  text NOT NULL,
  plan             text NOT NULL,                  -- the hash of what was to be sent back
  letters          integer NOT NULL,
  parked           integer NOT NULL,               -- of those, how many had their last replay before
  requested_by     text NOT NULL,
  requested_at     timestamptz NOT NULL,
  outbox_after     bigint NOT NULL,                -- between these positions its rows of the outbox are; never told
  outbox_until     bigint NOT NULL
);
CREATE INDEX dead_letter_redrives_in_order ON dead_letter_redrives (organization_id, requested_at DESC, id DESC);
SELECT keep_organizations_apart('dead_letters'), keep_organizations_apart('dead_letter_redrives');

-- The api role looks, and not at what a record says in full.
REVOKE ALL ON dead_letters, dead_letter_redrives FROM cscx_salesloft_api;
GRANT SELECT (id, organization_id, topic, replays, came_back_from, subject_id, event_id, event_type, correlation_id, stage, code,
  message, attempts, shown, failed_at, state, redrive_id) ON dead_letters TO cscx_salesloft_api;
GRANT SELECT (id, organization_id, plan, letters, parked, requested_by, requested_at) ON dead_letter_redrives TO cscx_salesloft_api;

-- migrate:down

DROP TABLE dead_letter_redrives, dead_letters;
