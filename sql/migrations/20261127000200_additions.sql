-- migrate:up

-- What people asked for by hand: an enrollment without a trigger, a mapping or an evaluation. What it rests on instead is here.
CREATE TABLE additions (
  enrollment_id    uuid PRIMARY KEY,
  organization_id  text NOT NULL REFERENCES organizations,
  asked_by_kind    text NOT NULL CHECK (asked_by_kind IN ('user', 'chat')),
  asked_by         text NOT NULL,
  asked_at         timestamptz NOT NULL,
  note             text,                         -- null: erased
  addition         json NOT NULL,                -- what was asked for, with what was left open
  gates            json NOT NULL                 -- [{gate, reason, says}]: what each said at that moment
);
CREATE INDEX additions_organization ON additions (organization_id, asked_at);
SELECT keep_organizations_apart('additions');

-- Answers to writes of the API that came with a key, so that what is sent again under it is done once. `token` is whose turn it is:
-- who has lost it to another one stores no answer.
CREATE TABLE idempotent_requests (
  organization_id  text NOT NULL,                -- of the caller; it need not be known here yet
  user_id          text NOT NULL,
  key              text NOT NULL,
  fingerprint      bytea NOT NULL,               -- of method, path, query and body
  token            uuid NOT NULL,
  began_at         timestamptz NOT NULL,         -- real time, as are all instants here
  leased_until     timestamptz NOT NULL,
  status           integer,                      -- null: not answered yet, or nobody knows what came of it
  sealed           bytea,                        -- headers and body, encrypted under key_id
  key_id           text,
  PRIMARY KEY (organization_id, user_id, key)
);
CREATE INDEX idempotent_requests_began ON idempotent_requests (began_at);
SELECT keep_organizations_apart('idempotent_requests');

-- migrate:down

DROP TABLE idempotent_requests, additions;
