-- migrate:up

-- What the credential may do, as Salesloft told it; null where it did not tell.
ALTER TABLE salesloft_connections ADD COLUMN scopes text[];

-- The team in which a mapping's cadence, step and sender were seen. Connected to another team, the mapping is parked; null: it was
-- published without a connection.
ALTER TABLE salesloft_cadence_mappings ADD COLUMN team_id bigint;
UPDATE salesloft_cadence_mappings m SET team_id = c.team_id FROM salesloft_connections c WHERE c.organization_id = m.organization_id;

-- The authorization that a user has begun and not brought back yet; beginning another one ends it.
CREATE TABLE salesloft_authorizations (
  organization_id  text NOT NULL REFERENCES organizations,
  user_id          text NOT NULL,
  nonce            text NOT NULL,               -- the state that comes back names it
  expires_at       timestamptz NOT NULL,        -- business time
  used_at          timestamptz,
  PRIMARY KEY (organization_id, user_id)
);
SELECT keep_organizations_apart('salesloft_authorizations');

-- Where a team's deliveries arrive and how they are known to be Salesloft's.
CREATE TABLE salesloft_webhooks (
  organization_id    text PRIMARY KEY REFERENCES organizations,
  receiver_id        uuid NOT NULL UNIQUE,      -- in the callback address: whom a delivery is for
  secret             bytea NOT NULL,            -- the callback token, encrypted under key_id
  key_id             text NOT NULL,
  callback_url       text,                      -- to which Salesloft was last asked to deliver
  ensured_at         timestamptz,               -- business time; null: to be ensured at once
  catalogue_hinted   boolean NOT NULL DEFAULT false  -- a cadence, a step or a user has changed
);
SELECT keep_organizations_apart('salesloft_webhooks');

-- Records that a delivery has told of, to be read sooner than by cursor.
CREATE TABLE webhook_hints (
  organization_id  text NOT NULL REFERENCES organizations,
  stream           text NOT NULL CHECK (stream IN ('memberships', 'emails', 'calls', 'people', 'accounts')),
  record_id        bigint NOT NULL,
  told             bigint NOT NULL DEFAULT 1,   -- how often, so that one that comes while the record is read is not lost
  deleted          boolean NOT NULL DEFAULT false,
  attempts         integer NOT NULL DEFAULT 0,
  due_at           timestamptz NOT NULL DEFAULT '-infinity',  -- business time
  retry_after      timestamptz NOT NULL DEFAULT '-infinity',  -- real time
  PRIMARY KEY (organization_id, stream, record_id)
);
SELECT keep_organizations_apart('webhook_hints');

-- migrate:down

DROP TABLE webhook_hints, salesloft_webhooks, salesloft_authorizations;
ALTER TABLE salesloft_cadence_mappings DROP COLUMN team_id;
ALTER TABLE salesloft_connections DROP COLUMN scopes;
