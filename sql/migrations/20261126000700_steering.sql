-- migrate:up

-- A pause that a person asked for holds until they resume, or until its end. A move takes somebody off a cadence only to add
-- them back elsewhere on it.
ALTER TABLE pauses
  ADD COLUMN asked_by    text,                   -- who holds it; null: only risk and stops do
  ADD COLUMN asked_until timestamptz,            -- null while `asked_by` is set: until somebody resumes
  ADD COLUMN moved_by    text,                   -- who has the person added back elsewhere, without a pause between
  ADD COLUMN to_step_id  bigint,                 -- where it goes on instead of at `step_id`
  ADD COLUMN skips       integer NOT NULL DEFAULT 0,  -- how many steps are left out
  DROP CONSTRAINT pauses_reason_check;
ALTER TABLE pauses ADD CONSTRAINT pauses_reason_check CHECK (reason IN ('preempted', 'stopped', 'requested_by_person'));

-- Who sends since somebody changed that; `sender_user_id` stays what was approved.
ALTER TABLE enrollments ADD COLUMN changed_sender_user_id bigint;

-- What people have asked of enrollments. The id is whoever asked's: what is asked again under it was asked once.
CREATE TABLE steerings (
  organization_id  text NOT NULL REFERENCES organizations,
  id               uuid NOT NULL,
  enrollment_id    uuid NOT NULL,
  action           text NOT NULL CHECK (action IN ('pause', 'resume', 'skip', 'restart', 'change_sender', 'remove')),
  asked_by         text NOT NULL,
  note             text NOT NULL,
  until            timestamptz,
  step_id          bigint,
  sender_user_id   bigint,
  asked_at         timestamptz NOT NULL,
  PRIMARY KEY (organization_id, id)
);
CREATE INDEX steerings_enrollment ON steerings (enrollment_id, asked_at);
SELECT keep_organizations_apart('steerings');

-- What holds an enrollment at an instant: the risk of its customer where it is less urgent, a stop of what it is part of, or
-- somebody who has paused it.
CREATE OR REPLACE FUNCTION enrollment_held(e enrollments, at timestamptz) RETURNS text LANGUAGE sql STABLE AS $$
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
    WHEN EXISTS (
      SELECT FROM pauses p
      WHERE p.enrollment_id = e.id AND p.asked_by IS NOT NULL AND (p.asked_until IS NULL OR p.asked_until > at))
    THEN 'requested_by_person'
  END
$$;

-- migrate:down

CREATE OR REPLACE FUNCTION enrollment_held(e enrollments, at timestamptz) RETURNS text LANGUAGE sql STABLE AS $$
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
DROP TABLE steerings;
ALTER TABLE enrollments DROP COLUMN changed_sender_user_id;
DELETE FROM pauses WHERE reason = 'requested_by_person';
ALTER TABLE pauses DROP CONSTRAINT pauses_reason_check,
  DROP COLUMN asked_by, DROP COLUMN asked_until, DROP COLUMN moved_by, DROP COLUMN to_step_id, DROP COLUMN skips;
ALTER TABLE pauses ADD CONSTRAINT pauses_reason_check CHECK (reason IN ('preempted', 'stopped'));
