-- migrate:up

-- The clock minute of each team's rate budget as all processes see it together. They lease cost from it a slice at a time;
-- what a row means is in salesloft_client/team_minute.py.
CREATE TABLE salesloft_budgets (
  organization_id    text NOT NULL REFERENCES organizations,
  team_id            bigint NOT NULL,
  minute             timestamptz NOT NULL,         -- business time at which it began
  cost_limit         integer NOT NULL,
  spent_interactive  integer NOT NULL DEFAULT 0,   -- settled cost, by lane
  spent_enrollment   integer NOT NULL DEFAULT 0,
  spent_poll         integer NOT NULL DEFAULT 0,
  spent_backfill     integer NOT NULL DEFAULT 0,
  held               integer NOT NULL DEFAULT 0,   -- leased and not settled
  remaining          integer,                      -- Salesloft's last word on the minute
  remaining_at       timestamptz,                  -- business time at which it was heard
  others             integer NOT NULL DEFAULT 0,   -- surely spent by other integrations
  others_before      integer NOT NULL DEFAULT 0,   -- what they took of the minute before
  carried            integer,                      -- what the minute before had left
  closed_until       timestamptz,                  -- business time; a 429 stops everybody until then
  holders            text[] NOT NULL DEFAULT '{}', -- processes that have settled in this minute
  holders_before     text[] NOT NULL DEFAULT '{}',
  PRIMARY KEY (organization_id, team_id)
) WITH (fillfactor = 50);                          -- changed every few seconds, in place
SELECT keep_organizations_apart('salesloft_budgets');

-- migrate:down

DROP TABLE salesloft_budgets;
