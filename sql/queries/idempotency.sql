-- name: begin_request$
-- Take a request on under its key; answers nothing where there is one under that key.
INSERT INTO idempotent_requests (organization_id, user_id, key, fingerprint, token, began_at, leased_until)
VALUES (:organization_id, :user_id, :key, :fingerprint, :token, clock_timestamp(), clock_timestamp() + make_interval(secs => :lease_s))
ON CONFLICT (organization_id, user_id, key) DO NOTHING
RETURNING key

-- name: read_request
-- How the request under a key stands, locked until the commit.
SELECT fingerprint, status, sealed, key_id, leased_until > clock_timestamp() AS is_running
FROM idempotent_requests WHERE organization_id = :organization_id AND user_id = :user_id AND key = :key
FOR UPDATE

-- name: take_request_over!
-- Whoever was at it answers no more: another one is.
UPDATE idempotent_requests SET token = :token, leased_until = clock_timestamp() + make_interval(secs => :lease_s)
WHERE organization_id = :organization_id AND user_id = :user_id AND key = :key

-- name: answer_request!
-- Keep what was answered, unless another one has taken the request over.
UPDATE idempotent_requests SET status = :status, sealed = :sealed, key_id = :key_id
WHERE organization_id = :organization_id AND user_id = :user_id AND key = :key AND token = :token

-- name: give_request_back!
-- Nothing is known of what came of it, and nobody is at it any more.
UPDATE idempotent_requests SET leased_until = clock_timestamp()
WHERE organization_id = :organization_id AND user_id = :user_id AND key = :key AND token = :token

-- name: forget_request!
-- Nothing came of it: under its key it may be asked for the first time.
DELETE FROM idempotent_requests WHERE organization_id = :organization_id AND user_id = :user_id AND key = :key AND token = :token

-- name: prune_requests$
-- Delete what is older than any repetition; answers how many.
WITH old AS (
  SELECT organization_id, user_id, key FROM idempotent_requests WHERE began_at < :began_before ORDER BY began_at LIMIT :at_most
), gone AS (
  DELETE FROM idempotent_requests r USING old
  WHERE r.organization_id = old.organization_id AND r.user_id = old.user_id AND r.key = old.key
  RETURNING r.key
)
SELECT count(*) FROM gone
