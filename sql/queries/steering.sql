-- name: add_steering$
-- Somebody asks something of an enrollment; answers nothing where it was asked under that id before.
INSERT INTO steerings (organization_id, id, enrollment_id, action, asked_by_kind, asked_by, note, until, step_id, sender_user_id, asked_at)
VALUES (:organization_id, :id, :enrollment_id, :action, :asked_by_kind, :asked_by, :note, :until, :step_id, :sender_user_id, :now)
ON CONFLICT (organization_id, id) DO NOTHING
RETURNING id

-- name: read_steering
-- What was asked under an id.
SELECT enrollment_id, action, asked_by_kind, asked_by, note, until, step_id, sender_user_id, asked_at
FROM steerings WHERE organization_id = :organization_id AND id = :id

-- name: list_steerings
-- What people have asked of an enrollment, oldest first.
SELECT id, enrollment_id, action, asked_by_kind, asked_by, note, until, step_id, sender_user_id, asked_at
FROM steerings WHERE organization_id = :organization_id AND enrollment_id = :enrollment_id
ORDER BY asked_at, id

-- name: scrub_steerings!
-- Delete people's words about erased stakeholders.
UPDATE steerings s SET note = ''
FROM unnest(:organization_ids::text[], :stakeholder_ids::text[]) AS e (organization_id, stakeholder_id)
JOIN enrollments n USING (organization_id, stakeholder_id)
WHERE s.enrollment_id = n.id AND s.organization_id = e.organization_id

-- name: keep_paused!
-- Somebody pauses an enrollment, whatever else holds it, until an instant or until somebody resumes.
INSERT INTO pauses (enrollment_id, organization_id, reason, asked_at, asked_by_kind, asked_by, asked_until)
VALUES (:enrollment_id, :organization_id, 'requested_by_person', :now, :asked_by_kind, :asked_by, :until)
ON CONFLICT (enrollment_id) DO UPDATE
SET asked_by_kind = excluded.asked_by_kind, asked_by = excluded.asked_by, asked_until = excluded.asked_until

-- name: let_go!
-- Nobody pauses it any more; what else holds it still does.
UPDATE pauses SET asked_by = NULL, asked_until = NULL WHERE enrollment_id = :enrollment_id

-- name: move_on!
-- The cadence is to go on elsewhere: at a step, so many steps further, or where it stands, with another sender.
INSERT INTO pauses (enrollment_id, organization_id, reason, asked_at, moved_by_kind, moved_by, to_step_id, skips)
VALUES (:enrollment_id, :organization_id, 'requested_by_person', :now, :moved_by_kind, :moved_by, :to_step_id, :skips)
ON CONFLICT (enrollment_id) DO UPDATE SET moved_by_kind = excluded.moved_by_kind, moved_by = excluded.moved_by,
  to_step_id = coalesce(excluded.to_step_id, pauses.to_step_id),
  skips = CASE WHEN excluded.to_step_id IS NULL THEN pauses.skips + excluded.skips ELSE 0 END

-- name: change_sender!
-- Somebody else is to send.
UPDATE enrollments SET changed_sender_user_id = :sender_user_id WHERE id = :enrollment_id

-- name: customer_of_enrollment$
-- Whose lock an enrollment is under.
SELECT customer_id FROM enrollments WHERE organization_id = :organization_id AND id = :enrollment_id

-- name: list_enrollments
-- An organization's enrollments, of a customer or a stakeholder where one is given; what still may move first, then the newest.
SELECT e.id, e.customer_id, e.stakeholder_id, e.cadence_id, c.name AS cadence_name, e.state, e.reason, e.updated_at,
  p.asked_by AS paused_by, p.asked_until AS paused_until
FROM enrollments e
LEFT JOIN salesloft_cadences c ON c.organization_id = e.organization_id AND c.cadence_id = e.cadence_id
LEFT JOIN pauses p ON p.enrollment_id = e.id
WHERE e.organization_id = :organization_id
  AND (:customer_id::text IS NULL OR e.customer_id = :customer_id)
  AND (:stakeholder_id::text IS NULL OR e.stakeholder_id = :stakeholder_id)
ORDER BY e.state IN ('rejected', 'expired', 'withdrawn', 'blocked', 'completed', 'removed', 'exited'), e.id DESC
LIMIT :at_most

-- name: try_again$
-- Have what Salesloft has refused of an enrollment's tried again without a pause; answers how much that is. What waits for an
-- instant that Salesloft named, because it was asked too much, goes on waiting.
WITH hastened AS (
  UPDATE commands c SET retry_after = '-infinity' WHERE c.enrollment_id = :enrollment_id AND has_failed(c) AND c.due_at <= :now
  RETURNING c.position
)
SELECT count(*) FROM hastened

-- name: look_at_failed_steerings
-- What of an organization's wishes about stays on cadences Salesloft refuses, or has refused for good; the latest first.
SELECT c.id, c.kind, c.enrollment_id, e.customer_id, e.stakeholder_id,
  e.request::json #>> '{stakeholder,name}' AS stakeholder_name, e.membership_id, e.cadence_id, s.name AS cadence_name, e.state, e.reason,
  c.attempts, c.last_error, c.created_at, has_failed(c) AND e.state IN ('enrolled', 'paused') AS can_be_retried
FROM commands c
JOIN enrollments e ON e.id = c.enrollment_id AND e.organization_id = c.organization_id
LEFT JOIN salesloft_cadences s ON s.organization_id = e.organization_id AND s.cadence_id = e.cadence_id
WHERE c.organization_id = :organization_id AND c.last_error IS NOT NULL AND c.kind IN ('pause', 'resume', 'remove')
  AND ((has_failed(c) AND c.due_at <= :now) OR (c.kind = 'resume' AND c.outcome = 'removed'))
  AND (:customer_id::text IS NULL OR e.customer_id = :customer_id)
  AND (:stakeholder_id::text IS NULL OR e.stakeholder_id = :stakeholder_id)
  AND (:before_at::timestamptz IS NULL OR (c.created_at, c.id) < (:before_at, :before_id::uuid))
ORDER BY c.created_at DESC, c.id DESC LIMIT :at_most
