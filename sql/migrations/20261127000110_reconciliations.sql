-- migrate:up

-- The nightly comparison of what we hold with what Salesloft has: when the next one begins, and how far the one under way is.
CREATE TABLE reconciliations (
  organization_id  text PRIMARY KEY REFERENCES organizations,
  due_at           timestamptz NOT NULL,                          -- business time
  asked_at         timestamptz,                                   -- business time: when somebody last asked for one
  cycle            bigint,                                        -- the ledger of the one under way, or of the last
  started_at       timestamptz,                                   -- business time
  ended_at         timestamptz,                                   -- business time
  part             text,                                          -- what is being read; null: none is under way
  after_id         bigint NOT NULL DEFAULT 0,                     -- of what we hold everything up to this id was compared
  position_at      timestamptz,                                   -- of a stream: updated_at of the last row that was read again
  position_ids     text[] NOT NULL DEFAULT '{}',                  -- the rows of that very instant
  read_to          timestamptz,                                   -- of a stream: where its cursor stood when this part began
  holes            bigint NOT NULL DEFAULT 0,                     -- what the cursor had passed over: units, or people and accounts
  deletions        bigint NOT NULL DEFAULT 0,                     -- what we held and Salesloft no longer has
  failures         integer NOT NULL DEFAULT 0,                    -- in a row
  resume_at        timestamptz NOT NULL DEFAULT '-infinity',      -- business time
  retry_after      timestamptz NOT NULL DEFAULT '-infinity'       -- real time
);
SELECT keep_organizations_apart('reconciliations');

-- Whom we hold as on a cadence.
CREATE INDEX salesloft_memberships_held ON salesloft_memberships (organization_id, salesloft_membership_id) WHERE currently_on_cadence;

-- migrate:down

DROP INDEX salesloft_memberships_held;
DROP TABLE reconciliations;
