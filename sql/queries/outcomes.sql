-- name: count_events
-- Triggers that came since an instant, by type and segment.
SELECT v.event_type, c.segment, count(*) AS events
FROM evaluations v
LEFT JOIN directory_customers c ON c.organization_id = :organization_id AND c.customer_id = v.customer_id
WHERE v.organization_id = :organization_id AND v.evaluated_at >= :since AND v.cause = 'event'
  AND (:event_type::text IS NULL OR v.event_type = :event_type) AND (:segment::text IS NULL OR c.segment = :segment)
GROUP BY 1, 2

-- name: count_decisions
-- What was decided when they came, and why.
SELECT v.event_type, c.segment, o.outcome, o.reason, count(*) AS decisions
FROM evaluations v
CROSS JOIN LATERAL json_to_recordset(v.outcomes) AS o (outcome text, reason text)
LEFT JOIN directory_customers c ON c.organization_id = :organization_id AND c.customer_id = v.customer_id
WHERE v.organization_id = :organization_id AND v.evaluated_at >= :since AND v.cause = 'event'
  AND (:event_type::text IS NULL OR v.event_type = :event_type) AND (:segment::text IS NULL OR c.segment = :segment)
GROUP BY 1, 2, 3, 4

-- name: look_at_decided
-- The decisions that `count_decisions` counts, one by one, the newest first, with whom each was about. Of an evaluation some may have been
-- on the page before.
SELECT d.id, d.evaluated_at, d.place, d.event_id, d.event_type, d.customer_id, d.customer_name, d.segment, d.stakeholder_id,
  (SELECT s.name FROM directory_stakeholders s
   WHERE s.organization_id = :organization_id AND s.stakeholder_id = d.stakeholder_id) AS stakeholder_name, d.outcome, d.reason
FROM (
  SELECT v.id, v.evaluated_at, o.place::integer AS place, v.event_id, v.event_type, v.customer_id, c.name AS customer_name, c.segment,
    o.stakeholder_id, o.outcome, o.reason
  FROM evaluations v
  CROSS JOIN LATERAL ROWS FROM (json_to_recordset(v.outcomes) AS (stakeholder_id text, outcome text, reason text)) WITH ORDINALITY
    AS o (stakeholder_id, outcome, reason, place)
  LEFT JOIN directory_customers c ON c.organization_id = :organization_id AND c.customer_id = v.customer_id
  WHERE v.organization_id = :organization_id AND v.evaluated_at >= :since AND v.cause = 'event'
    AND (:event_type::text IS NULL OR v.event_type = :event_type) AND (:segment::text IS NULL OR c.segment = :segment)
    AND (:owner_user_id::text IS NULL OR c.owner_user_id = :owner_user_id)
    AND (:outcome::text IS NULL OR o.outcome = :outcome) AND (:reason::text IS NULL OR o.reason = :reason)
    AND (:before_at::timestamptz IS NULL OR v.evaluated_at <= :before_at
      AND ((v.evaluated_at, v.id) < (:before_at, :before_id::uuid) OR v.id = :before_id AND o.place > :before_place::integer))
  ORDER BY v.evaluated_at DESC, v.id DESC, o.place LIMIT :at_most
) AS d
ORDER BY d.evaluated_at DESC, d.id DESC, d.place

-- name: count_decided$
-- How many there are of them.
SELECT count(*)::integer
FROM evaluations v
CROSS JOIN LATERAL json_to_recordset(v.outcomes) AS o (outcome text, reason text)
LEFT JOIN directory_customers c ON c.organization_id = :organization_id AND c.customer_id = v.customer_id
WHERE v.organization_id = :organization_id AND v.evaluated_at >= :since AND v.cause = 'event'
  AND (:event_type::text IS NULL OR v.event_type = :event_type) AND (:segment::text IS NULL OR c.segment = :segment)
  AND (:owner_user_id::text IS NULL OR c.owner_user_id = :owner_user_id)
  AND (:outcome::text IS NULL OR o.outcome = :outcome) AND (:reason::text IS NULL OR o.reason = :reason)

-- name: count_enrollments
-- What became of what was asked for since an instant, by trigger, segment and day.
SELECT e.trigger_type, c.segment, e.state, e.reason, (e.created_at AT TIME ZONE 'UTC')::date AS day, count(*) AS enrollments,
       count(r.enrollment_id) AS replied
FROM enrollments e
LEFT JOIN (
  SELECT DISTINCT enrollment_id FROM activity_units
  WHERE organization_id = :organization_id AND metric = 'email-replied' AND enrollment_id IS NOT NULL
) AS r ON r.enrollment_id = e.id
LEFT JOIN directory_customers c ON c.organization_id = :organization_id AND c.customer_id = e.customer_id
WHERE e.organization_id = :organization_id AND e.created_at >= :since
  AND (:trigger_type::text IS NULL OR e.trigger_type = :trigger_type) AND (:segment::text IS NULL OR c.segment = :segment)
GROUP BY 1, 2, 3, 4, 5

-- name: count_withdrawn
-- Of these what was withdrawn after it had been approved.
SELECT e.trigger_type, c.segment, count(*) AS enrollments
FROM enrollments e
LEFT JOIN directory_customers c ON c.organization_id = :organization_id AND c.customer_id = e.customer_id
WHERE e.organization_id = :organization_id AND e.created_at >= :since AND e.state = 'withdrawn' AND e.decision IS NOT NULL
  AND (:trigger_type::text IS NULL OR e.trigger_type = :trigger_type) AND (:segment::text IS NULL OR c.segment = :segment)
GROUP BY 1, 2

-- name: count_steerings
-- What people had done to those who were on a cadence.
SELECT s.action, count(*) AS steerings
FROM steerings s
JOIN enrollments e ON e.id = s.enrollment_id
LEFT JOIN directory_customers c ON c.organization_id = :organization_id AND c.customer_id = e.customer_id
WHERE s.organization_id = :organization_id AND s.asked_at >= :since
  AND (:trigger_type::text IS NULL OR e.trigger_type = :trigger_type) AND (:segment::text IS NULL OR c.segment = :segment)
GROUP BY 1

-- name: count_added_by_hand$
-- Stays of stakeholders on cadences onto which somebody put them in Salesloft, and no trigger and no approver.
SELECT count(*)
FROM salesloft_memberships m
WHERE m.organization_id = :organization_id AND m.added_at >= :since AND m.enrollment_id IS NULL
  AND (:segment::text IS NULL OR EXISTS (
    SELECT FROM stakeholder_people l
    JOIN directory_stakeholders s ON s.organization_id = l.organization_id AND s.stakeholder_id = l.stakeholder_id
    JOIN directory_customers c ON c.organization_id = s.organization_id AND c.customer_id = s.customer_id
    WHERE l.organization_id = m.organization_id AND l.person_id = m.salesloft_person_id AND c.segment = :segment))

-- name: list_segments
-- The segments of an organization's customers.
SELECT DISTINCT segment FROM directory_customers WHERE organization_id = :organization_id AND segment IS NOT NULL ORDER BY 1 LIMIT :at_most
