-- migrate:up

-- Enrollments that are to be paused until nothing holds them any more, or are. Salesloft has no pause: the person is taken
-- off the cadence, and added back at the step that was read before.
CREATE TABLE pauses (
  enrollment_id    uuid PRIMARY KEY,
  organization_id  text NOT NULL REFERENCES organizations,
  reason           text NOT NULL CHECK (reason IN ('preempted', 'stopped')),
  asked_at         timestamptz NOT NULL,
  step_id          bigint,                       -- where the cadence goes on; set before the person is taken off
  refused_at       timestamptz,                  -- since when Salesloft refuses to take the person off
  refusal          text
);
SELECT keep_organizations_apart('pauses');

-- Who has stopped what, why and until when. A row stays when its stop is over: what was decided under it can be told.
CREATE TABLE stops (
  id               uuid PRIMARY KEY,
  organization_id  text NOT NULL REFERENCES organizations,
  scope            text NOT NULL CHECK (scope IN ('organization', 'mapping', 'cadence', 'customer')),
  subject          text NOT NULL,                -- the id of what is stopped
  reason           text NOT NULL,
  pauses_active    boolean NOT NULL,             -- whether who is on a cadence is taken off for the time
  stopped_by       text NOT NULL,
  stopped_at       timestamptz NOT NULL,
  ends_at          timestamptz,                  -- when it ends by itself; null: when somebody starts again
  started_by       text,
  started_at       timestamptz                   -- when somebody started again
);
CREATE INDEX stops_organization ON stops (organization_id);
SELECT keep_organizations_apart('stops');

-- Looked at every few seconds, and few: open episodes of risk, and what they would hold.
CREATE INDEX risk_episodes_open ON risk_episodes (organization_id, customer_id) WHERE ended_at IS NULL;
CREATE INDEX enrollments_upsell ON enrollments (organization_id, customer_id)
  WHERE trigger_type = 'expansion-signal' AND state IN ('requested', 'approved', 'scheduled', 'stale', 'enrolled');

-- What holds an enrollment at an instant: the risk of its customer where it is less urgent, or a stop of what it is part of.
CREATE FUNCTION enrollment_held(e enrollments, at timestamptz) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT CASE
    WHEN e.trigger_type = 'expansion-signal' AND EXISTS (
      SELECT FROM risk_episodes r
      WHERE r.organization_id = e.organization_id AND r.customer_id = e.customer_id AND r.ended_at IS NULL AND r.holds_until > at)
    THEN 'preempted'
    WHEN EXISTS (
      SELECT FROM stops s
      WHERE s.organization_id = e.organization_id AND s.started_at IS NULL AND (s.ends_at IS NULL OR s.ends_at > at)
        AND s.subject = CASE s.scope WHEN 'organization' THEN e.organization_id WHEN 'customer' THEN e.customer_id
                                     WHEN 'mapping' THEN e.mapping_id::text ELSE e.cadence_id::text END)
    THEN 'stopped'
  END
$$;

-- migrate:down

DROP FUNCTION enrollment_held;
DROP INDEX enrollments_upsell, risk_episodes_open;
DROP TABLE stops, pauses;
