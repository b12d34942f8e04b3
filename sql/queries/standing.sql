-- name: read_standing_of_membership
-- Where a stay on a cadence stands with us: whose it is, and the enrollment that made it, if one did.
SELECT m.id AS membership_id, m.enrollment_id, coalesce(e.customer_id, s.customer_id) AS customer_id, e.state,
  coalesce(e.state = 'paused' AND e.intended_at IS NOT NULL, false) AS is_coming_back, p.asked_by IS NOT NULL AS is_paused_by_person,
  EXISTS (SELECT FROM commands c WHERE c.enrollment_id = e.id AND has_failed(c) AND c.due_at <= :now) AS has_failed
FROM salesloft_memberships m
LEFT JOIN enrollments e ON e.id = m.enrollment_id AND e.organization_id = m.organization_id
LEFT JOIN directory_stakeholders s ON s.organization_id = m.organization_id AND s.stakeholder_id = m.stakeholder_id
LEFT JOIN pauses p ON p.enrollment_id = e.id
WHERE m.organization_id = :organization_id AND m.id = :id

-- name: read_standing_of_enrollment
-- Where an enrollment stands.
SELECT e.membership_id, e.id AS enrollment_id, e.customer_id, e.state,
  e.state = 'paused' AND e.intended_at IS NOT NULL AS is_coming_back, p.asked_by IS NOT NULL AS is_paused_by_person,
  EXISTS (SELECT FROM commands c WHERE c.enrollment_id = e.id AND has_failed(c) AND c.due_at <= :now) AS has_failed
FROM enrollments e
LEFT JOIN pauses p ON p.enrollment_id = e.id
WHERE e.organization_id = :organization_id AND e.id = :id
