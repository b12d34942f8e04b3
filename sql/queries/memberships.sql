-- name: put_membership
-- Keep a membership as Salesloft answered it and answer our id of it; an older answer changes nothing but the missing enrollment.
INSERT INTO salesloft_memberships AS known (id, organization_id, stakeholder_id, salesloft_person_id, cadence_id, cadence_name, status, current_step,
  added_at, salesloft_membership_id, salesloft_state, currently_on_cadence, salesloft_user_id, step_id, enrollment_id, salesloft_updated_at, created_at)
VALUES (:id, :organization_id, :stakeholder_id, :salesloft_person_id, :cadence_id, :cadence_name, :status, :current_step,
  :added_at, :salesloft_membership_id, :salesloft_state, :currently_on_cadence, :salesloft_user_id, :step_id, :enrollment_id, :salesloft_updated_at, :now)
ON CONFLICT (organization_id, salesloft_membership_id, added_at) DO UPDATE SET
  enrollment_id = coalesce(known.enrollment_id, excluded.enrollment_id),
  stakeholder_id = CASE WHEN known.enrollment_id IS NULL THEN coalesce(excluded.stakeholder_id, known.stakeholder_id) ELSE known.stakeholder_id END,
  cadence_name = coalesce(excluded.cadence_name, known.cadence_name)
RETURNING id, enrollment_id

-- name: refresh_membership!
-- What a newer answer of Salesloft's says of a membership that is kept.
UPDATE salesloft_memberships SET status = :status, current_step = coalesce(:current_step, current_step), salesloft_state = :salesloft_state,
  currently_on_cadence = :currently_on_cadence, salesloft_user_id = coalesce(:salesloft_user_id, salesloft_user_id),
  step_id = coalesce(:step_id, step_id), salesloft_updated_at = :salesloft_updated_at
WHERE id = :id AND salesloft_updated_at < :salesloft_updated_at

-- name: read_membership
-- One membership of ours.
SELECT id, organization_id, stakeholder_id, salesloft_person_id, cadence_id, current_step, step_id, added_at, salesloft_membership_id, salesloft_state,
       currently_on_cadence, enrollment_id
FROM salesloft_memberships WHERE id = :id

-- name: end_membership!
-- The person is off the cadence.
UPDATE salesloft_memberships SET status = :status, salesloft_state = :salesloft_state, currently_on_cadence = false WHERE id = :id

-- name: record_intent$
-- An enrollment is about to create a membership: whose, and since when one could be its own. Answers nothing where another enrollment
-- has this person's place on the cadence.
UPDATE enrollments e SET salesloft_person_id = :person_id, intended_at = :intended_at
WHERE e.id = :enrollment_id AND NOT EXISTS (
  SELECT FROM enrollments other
  WHERE other.organization_id = e.organization_id AND other.salesloft_person_id = :person_id AND other.cadence_id = e.cadence_id
    AND other.id <> e.id AND other.state IN ('enrolling', 'unknown', 'enrolled', 'paused'))
RETURNING e.id

-- name: forget_intent!
-- No call of this enrollment's is open, and none had an effect.
UPDATE enrollments SET salesloft_person_id = NULL, intended_at = NULL WHERE id = :enrollment_id

-- name: record_membership!
-- The membership that an enrollment made.
UPDATE enrollments SET membership_id = :membership_id WHERE id = :enrollment_id

-- name: has_been_on_cadence$
-- Whether an enrollment's stakeholder is on its cadence, or came onto it since they were first asked for.
SELECT EXISTS (
  SELECT FROM enrollments e JOIN salesloft_memberships m ON m.organization_id = e.organization_id AND m.cadence_id = e.cadence_id
    AND (m.stakeholder_id = e.stakeholder_id OR m.salesloft_person_id = e.salesloft_person_id)
  WHERE e.id = :enrollment_id AND (m.currently_on_cadence OR m.added_at >= e.created_at))
