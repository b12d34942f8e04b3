-- name: add_redrive_plan!
-- Keep a plan before anything of it is carried out.
INSERT INTO redrive_plans (id, topic, state, error_codes, ranges, counts, requested_by, created_at, updated_at)
VALUES (:id, :topic, 'planned', :error_codes::text[], :ranges::jsonb, :counts::jsonb, :requested_by, :now, :now)

-- name: read_redrive_plans
-- One plan, or all plans of a topic of dead letters, or all there are; the newest last.
SELECT id, topic, state, error_codes, ranges, counts, progress, redriven, parked, requested_by, created_at
FROM redrive_plans
WHERE (:id::uuid IS NULL OR id = :id) AND (:topic::text IS NULL OR topic = :topic)
ORDER BY created_at, id

-- name: begin_redrive
-- Begin a plan, or go on with one that was broken off; answers nothing for one that is done or cancelled.
UPDATE redrive_plans SET state = 'running', updated_at = :now
WHERE id = :id AND state IN ('planned', 'running')
RETURNING id

-- name: advance_redrive
-- What was published up to this offset of a partition is acknowledged; answers nothing once the plan is cancelled.
UPDATE redrive_plans
SET progress = progress || jsonb_build_object(:partition::text, :next_offset::bigint),
    redriven = redriven + :redriven, parked = parked + :parked, updated_at = :now
WHERE id = :id AND state = 'running'
RETURNING id

-- name: finish_redrive!
-- Every range of the plan is carried out.
UPDATE redrive_plans SET state = 'done', updated_at = :now WHERE id = :id AND state = 'running'

-- name: cancel_redrive
-- Carry out no more of a plan; what was published stays published.
UPDATE redrive_plans SET state = 'cancelled', updated_at = :now
WHERE id = :id AND state IN ('planned', 'running')
RETURNING id

-- name: lock_redrive$
-- One process carries a plan out; the lock ends with the session.
SELECT pg_try_advisory_lock(hashtextextended(:id::text, 0))

-- name: unlock_redrive$
-- Let the next one try.
SELECT pg_advisory_unlock(hashtextextended(:id::text, 0))
