-- name: add_addition!
-- Keep what a person asked for: the enrollment in state requested, the first row of its history, and what it rests on.
WITH added AS (
  INSERT INTO enrollments (id, organization_id, customer_id, stakeholder_id, state, sequence, exclusivity_group, correlation_id, cadence_id,
    request, request_digest, requested_at, requested_by_user, expires_at, execute_by, start_on, start_step_id, sender_user_id, is_upsell, team_id,
    created_at, updated_at)
  VALUES (:id, :organization_id, :customer_id, :stakeholder_id, 'requested', 1, :exclusivity_group, :correlation_id, :cadence_id,
    :request::text::json, :request_digest, :now, :asked_by, :expires_at, :execute_by, :start_on, :start_step_id, :sender_user_id, :is_upsell,
    :team_id, :now, :now)
  RETURNING id, organization_id
), begun AS (
  INSERT INTO enrollment_history (enrollment_id, sequence, organization_id, to_state, actor_kind, actor_user_id, changed_at)
  SELECT id, 1, organization_id, 'requested', :asked_by_kind, :asked_by, :now FROM added
)
INSERT INTO additions (enrollment_id, organization_id, asked_by_kind, asked_by, asked_at, note, addition, gates)
SELECT id, organization_id, :asked_by_kind, :asked_by, :now, :note, :addition::text::json, :gates::text::json FROM added

-- name: read_addition
-- What a person asked for, by the enrollment that came of it.
SELECT a.enrollment_id, a.asked_by_kind, a.asked_by, a.asked_at, a.note, a.addition, a.gates, e.customer_id, e.stakeholder_id, e.state,
  e.expires_at, e.execute_by, e.start_on, e.request
FROM additions a JOIN enrollments e ON e.id = a.enrollment_id
WHERE a.organization_id = :organization_id AND e.organization_id = :organization_id AND a.enrollment_id = :enrollment_id

-- name: read_places
-- Where a stakeholder stands, and everybody with the same address or the same person at Salesloft: open enrollments of ours, and stays
-- that Salesloft shows.
WITH asked AS (
  SELECT s.organization_id, s.stakeholder_id, s.email, l.person_id
  FROM directory_stakeholders s LEFT JOIN stakeholder_people l USING (organization_id, stakeholder_id)
  WHERE s.organization_id = :organization_id AND s.stakeholder_id = :stakeholder_id
), others AS (
  SELECT a.stakeholder_id, false AS is_address FROM asked a
  UNION
  SELECT l.stakeholder_id, false FROM asked a JOIN stakeholder_people l ON l.organization_id = a.organization_id AND l.person_id = a.person_id
  UNION
  SELECT s.stakeholder_id, true FROM asked a JOIN directory_stakeholders s ON s.organization_id = a.organization_id AND s.email = a.email
  WHERE s.stakeholder_id <> a.stakeholder_id
)
SELECT e.cadence_id, e.exclusivity_group, e.state, o.is_address
FROM others o JOIN enrollments e ON e.organization_id = :organization_id AND e.stakeholder_id = o.stakeholder_id
WHERE e.state IN ('requested', 'approved', 'scheduled', 'stale', 'enrolling', 'unknown', 'enrolled', 'paused')
UNION ALL
SELECT m.cadence_id, NULL, 'enrolled', false
FROM asked a JOIN salesloft_memberships m ON m.organization_id = a.organization_id AND m.salesloft_person_id = a.person_id
WHERE m.currently_on_cadence

-- name: scrub_additions!
-- Delete people's words about erased stakeholders, and what was to be written of them.
UPDATE additions a SET note = NULL, addition = (a.addition::jsonb || '{"custom_fields": {}}')::json
FROM unnest(:organization_ids::text[], :stakeholder_ids::text[]) AS e (organization_id, stakeholder_id)
JOIN enrollments n USING (organization_id, stakeholder_id)
WHERE n.id = a.enrollment_id AND a.organization_id = e.organization_id

-- name: scrub_custom_fields!
-- Delete what was to be written of erased stakeholders from the requests that people made.
UPDATE enrollments n SET request = jsonb_set(n.request::jsonb, '{action,custom_fields}', '{}')::json
FROM unnest(:organization_ids::text[], :stakeholder_ids::text[]) AS e (organization_id, stakeholder_id)
WHERE n.organization_id = e.organization_id AND n.stakeholder_id = e.stakeholder_id AND n.trigger_type IS NULL
