-- migrate:up

-- Types of the rows that come in batches: one array of rows costs a client a third of what an array for each column does.
CREATE TYPE inbox_mark AS (topic text, source text, event_id text, data_digest bytea);
CREATE TYPE outbox_message AS (
  id uuid, aggregatetype text, aggregateid text, type text, topic text, key bytea, lane smallint, headers bytea, payload bytea);

-- A message's effect happens once: its mark is written in the transaction of the effect.
CREATE TABLE inbox (
  consumer_group  text NOT NULL,
  topic           text NOT NULL,
  source          text NOT NULL,
  event_id        text NOT NULL,
  data_digest     bytea NOT NULL,
  recorded_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (event_id, source, topic, consumer_group)   -- the most telling column first
);
CREATE INDEX inbox_recorded_at ON inbox USING brin (recorded_at);
GRANT SELECT, INSERT, DELETE ON inbox TO cscx_salesloft_worker;

-- Debezium's outbox event router reads id, aggregatetype, aggregateid, type and payload.
CREATE TABLE outbox (
  position       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id             uuid NOT NULL,
  aggregatetype  text NOT NULL,
  aggregateid    text NOT NULL,
  type           text NOT NULL,
  topic          text NOT NULL,
  key            bytea,
  lane           smallint NOT NULL,
  headers        bytea NOT NULL,                 -- JSON: [[name, text or [latin-1 text of bytes] or null]]
  payload        bytea,
  created_at     timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (toast_tuple_target = 8160);             -- most messages stay whole and plain; to compress them costs more than it saves
CREATE INDEX outbox_created_at ON outbox USING brin (created_at);
GRANT SELECT, INSERT, DELETE ON outbox TO cscx_salesloft_worker;

-- What the relay has still to publish. A column of the outbox would tell it too, but to set it writes the whole message a
-- second time. What is taken out of one is taken out of the other.
CREATE TABLE outbox_unsent (
  lane      smallint NOT NULL,
  position  bigint NOT NULL,
  PRIMARY KEY (lane, position)
) WITH (autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 20000);
GRANT SELECT, INSERT, DELETE ON outbox_unsent TO cscx_salesloft_worker;

CREATE TABLE outbox_lanes (
  lane          smallint PRIMARY KEY,
  holder        text,
  leased_until  timestamptz
);
GRANT SELECT, INSERT, UPDATE ON outbox_lanes TO cscx_salesloft_worker;
INSERT INTO outbox_lanes (lane) SELECT generate_series(0, 15);

-- Who shares the lanes: a relay that has none yet is known to the others by its row here.
CREATE TABLE outbox_relays (
  holder       text PRIMARY KEY,
  alive_until  timestamptz NOT NULL
);
GRANT SELECT, INSERT, UPDATE, DELETE ON outbox_relays TO cscx_salesloft_worker;

-- Up to which instant (business time) everything that its partition held then has been applied.
CREATE TABLE consumer_progress (
  topic         text NOT NULL,
  partition     integer NOT NULL,
  read_through  timestamptz NOT NULL,
  PRIMARY KEY (topic, partition)
);
GRANT SELECT, INSERT, UPDATE ON consumer_progress TO cscx_salesloft_worker;

CREATE TABLE redrive_plans (
  id            uuid PRIMARY KEY,
  topic         text NOT NULL,                    -- of the dead letters
  state         text NOT NULL CHECK (state IN ('planned', 'running', 'done', 'cancelled')),
  error_codes   text[],                           -- null: all
  ranges        jsonb NOT NULL,                   -- [{partition, first_offset, next_offset}]
  counts        jsonb NOT NULL,                   -- by error code
  progress      jsonb NOT NULL DEFAULT '{}',      -- {partition: next_offset}
  redriven      bigint NOT NULL DEFAULT 0,
  parked        bigint NOT NULL DEFAULT 0,
  requested_by  text NOT NULL,
  created_at    timestamptz NOT NULL,
  updated_at    timestamptz NOT NULL
);
GRANT SELECT, INSERT, UPDATE ON redrive_plans TO cscx_salesloft_worker;

-- migrate:down

DROP TABLE redrive_plans, consumer_progress, outbox_relays, outbox_lanes, outbox_unsent, outbox, inbox;
DROP TYPE outbox_message, inbox_mark;
