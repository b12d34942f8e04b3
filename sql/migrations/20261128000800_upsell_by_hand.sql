-- migrate:up

-- What the risk of a customer holds: what an expansion signal asked for, and what a person asked for on a cadence of such.
ALTER TABLE enrollments ADD COLUMN is_upsell boolean NOT NULL DEFAULT false;
UPDATE enrollments SET is_upsell = true WHERE trigger_type = 'expansion-signal';
DROP INDEX enrollments_upsell;
CREATE INDEX enrollments_upsell ON enrollments (organization_id, customer_id)
  WHERE is_upsell AND state IN ('requested', 'approved', 'scheduled', 'stale', 'enrolled');

CREATE OR REPLACE FUNCTION enrollment_held(e enrollments, at timestamptz) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT CASE
    WHEN e.is_upsell AND EXISTS (
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
    WHEN EXISTS (
      SELECT FROM pauses p
      WHERE p.enrollment_id = e.id AND p.asked_by IS NOT NULL AND (p.asked_until IS NULL OR p.asked_until > at))
    THEN 'requested_by_person'
  END
$$;
DROP INDEX enrollments_upsell;
CREATE INDEX enrollments_upsell ON enrollments (organization_id, customer_id)
  WHERE trigger_type = 'expansion-signal' AND state IN ('requested', 'approved', 'scheduled', 'stale', 'enrolled');
ALTER TABLE enrollments DROP COLUMN is_upsell;
