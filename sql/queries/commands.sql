-- name: add_commands!
-- Store work that is to be done at Salesloft, in the order given.
INSERT INTO commands (id, organization_id, kind, subject, enrollment_id, payload, correlation_id, state, due_at, created_at)
SELECT c.id, c.organization_id, c.kind, c.subject, c.enrollment_id, c.payload::jsonb, c.correlation_id, 'pending', c.due_at, :now
FROM unnest(:ids::uuid[], :organization_ids::text[], :kinds::text[], :subjects::text[], :enrollment_ids::uuid[], :payloads::text[],
            :correlation_ids::text[], :due_at::timestamptz[])
     WITH ORDINALITY AS c (id, organization_id, kind, subject, enrollment_id, payload, correlation_id, due_at, ordinality)
ORDER BY c.ordinality

-- name: notify_commands!
-- Hint to the workers that something waits; heard only after the commit.
SELECT pg_notify('cscx_commands', '')

-- name: claim_commands
-- Take due commands of connected organizations under a lease, so many of each organization that it has no more than its share in
-- work. Of a subject the oldest due one goes first, and nothing else while one is held, whether its holder lives or not. That two
-- claims at once cannot get two commands of one subject is the unique index's doing: the slower one fails and claims again.
WITH share AS (
  SELECT o.organization_id, :organization_limit - (
    SELECT count(*) FROM commands h
    WHERE h.organization_id = o.organization_id AND h.state = 'pending' AND h.holder IS NOT NULL AND h.leased_until > clock_timestamp()
  ) AS places
  FROM salesloft_connections o WHERE o.status = 'connected'
), due AS (
  SELECT taken.position
  FROM share CROSS JOIN LATERAL (
    SELECT c.position FROM commands c
    WHERE c.organization_id = share.organization_id AND c.state = 'pending' AND c.due_at <= :now AND c.retry_after <= clock_timestamp()
      AND c.kind = ANY (:kinds::text[])
      AND (c.holder IS NULL OR c.leased_until <= clock_timestamp())
      AND NOT EXISTS (
        SELECT FROM commands other
        WHERE other.organization_id = c.organization_id AND other.subject = c.subject AND other.state = 'pending'
          AND other.position <> c.position
          AND (other.holder IS NOT NULL OR (other.position < c.position AND other.due_at <= :now)))
    ORDER BY c.position
    LIMIT greatest(share.places, 0)
    FOR UPDATE OF c SKIP LOCKED
  ) AS taken
  WHERE share.places > 0
  ORDER BY taken.position
  LIMIT :limit
)
UPDATE commands c SET
  holder = :holder, leased_until = clock_timestamp() + :lease_s * interval '1 second', attempts = c.attempts + 1
FROM due WHERE c.position = due.position
RETURNING c.position, c.id, c.organization_id, c.kind, c.subject, c.enrollment_id, c.payload, c.correlation_id, c.attempts, c.created_at, c.due_at

-- name: oldest_due_commands
-- For how many seconds the oldest due command of each kind has waited to be settled.
SELECT kind, extract(epoch FROM :now - min(due_at))::float8 AS seconds
FROM commands WHERE state = 'pending' AND due_at <= :now
GROUP BY kind

-- name: hold_command$
-- Renew a lease; answers nothing once another worker has taken the command over.
UPDATE commands SET leased_until = clock_timestamp() + :lease_s * interval '1 second'
WHERE id = :id AND holder = :holder AND state = 'pending'
RETURNING position

-- name: finish_command$
-- The work is done, one way or another.
UPDATE commands SET state = 'done', outcome = :outcome, last_error = :last_error, done_at = :now, holder = NULL, leased_until = NULL
WHERE id = :id AND holder = :holder AND state = 'pending'
RETURNING position

-- name: release_command$
-- Give a command back: it is due at another business instant, or after a real pause, or both.
UPDATE commands SET
  holder = NULL, leased_until = NULL, last_error = :last_error, due_at = coalesce(:due_at, due_at),
  retry_after = clock_timestamp() + :pause_s * interval '1 second'
WHERE id = :id AND holder = :holder AND state = 'pending'
RETURNING position

-- name: doubt_command$
-- A call's outcome is unknown: how many real seconds it takes until a reading that finds nothing may be believed. Counted from
-- the first doubt, until the doubt is settled.
UPDATE commands SET believable_after = coalesce(believable_after, clock_timestamp() + :grace_s * interval '1 second')
WHERE id = :id AND holder = :holder AND state = 'pending'
RETURNING greatest(0, extract(epoch FROM believable_after - clock_timestamp()))::double precision

-- name: settle_command$
-- It is known what the call did.
UPDATE commands SET believable_after = NULL WHERE id = :id AND holder = :holder AND state = 'pending' RETURNING position
