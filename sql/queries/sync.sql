-- name: open_streams!
-- Every connected organization has its streams; a new one is due at once.
INSERT INTO sync_streams (organization_id, stream, next_cycle_at)
SELECT o.organization_id, s.stream, :now
FROM salesloft_connections o CROSS JOIN unnest(:streams::text[]) AS s (stream)
WHERE o.status = 'connected'
  AND NOT EXISTS (SELECT FROM sync_streams k WHERE k.organization_id = o.organization_id AND k.stream = s.stream)
ORDER BY 1, 2
ON CONFLICT (organization_id, stream) DO NOTHING

-- name: claim_organizations
-- Take connected organizations that have a stream due, a record that was told of or a comparison to do, whoever waited longest first, and
-- answer all their streams. The people's row stands for all of an organization's: who has it has the organization.
WITH due AS (
  SELECT leader.organization_id, o.team_id
  FROM sync_streams leader JOIN salesloft_connections o USING (organization_id)
  WHERE leader.stream = 'people' AND o.status = 'connected'
    AND (leader.holder IS NULL OR leader.leased_until <= clock_timestamp())
    AND (EXISTS (
      SELECT FROM sync_streams s
      WHERE s.organization_id = leader.organization_id AND s.next_cycle_at <= :now AND s.retry_after <= clock_timestamp())
    OR EXISTS (
      SELECT FROM webhook_hints h
      WHERE h.organization_id = leader.organization_id AND h.due_at <= :now AND h.retry_after <= clock_timestamp())
    OR EXISTS (
      SELECT FROM reconciliations r
      WHERE r.organization_id = leader.organization_id AND r.due_at <= :now AND r.resume_at <= :now AND r.retry_after <= clock_timestamp()))
  ORDER BY leader.served_at, leader.organization_id
  LIMIT :limit
  FOR UPDATE OF leader SKIP LOCKED
)
UPDATE sync_streams s SET
  holder = :holder, leased_until = clock_timestamp() + :lease_s * interval '1 second', served_at = clock_timestamp()
FROM due WHERE s.organization_id = due.organization_id
RETURNING s.organization_id, due.team_id, s.stream, s.position_at, s.position_ids, s.cycle, s.next_cycle_at, s.failures,
          s.next_cycle_at <= :now AND s.retry_after <= clock_timestamp() AS due,
          EXISTS (SELECT FROM sync_ledger l WHERE l.organization_id = s.organization_id AND l.stream = s.stream
                  AND l.cycle = s.cycle AND l.ended_at IS NULL) AS amid_cycle

-- name: hold_organization$
-- Begin another lease of the organization; answers nothing once another runner has taken it over.
UPDATE sync_streams SET leased_until = clock_timestamp() + :lease_s * interval '1 second'
WHERE organization_id = :organization_id AND stream = 'people' AND holder = :holder
RETURNING stream

-- name: release_organization!
-- Give an organization back.
UPDATE sync_streams SET holder = NULL, leased_until = NULL WHERE organization_id = :organization_id AND holder = :holder

-- name: open_ledger$
-- The ledger of a new cycle, empty; answers the cycle's number.
INSERT INTO sync_ledger (organization_id, stream, cycle, started_at)
SELECT :organization_id, :stream, 1 + coalesce(max(cycle), 0), :now
FROM sync_ledger WHERE organization_id = :organization_id AND stream = :stream
RETURNING cycle

-- name: begin_cycle
-- The stream is in this cycle now; answers from where it is read, which is further back where somebody wants it read again.
UPDATE sync_streams SET cycle = :cycle, cycle_started_at = :now, read_again_since = NULL,
  position_at = least(position_at, CASE WHEN position_at IS NOT NULL THEN read_again_since END),
  position_ids = CASE WHEN read_again_since < position_at THEN '{}' ELSE position_ids END
WHERE organization_id = :organization_id AND stream = :stream
RETURNING position_at, position_ids

-- name: read_again
-- Have an organization's streams read now, and from an instant on once more; answers how many are.
UPDATE sync_streams s SET
  next_cycle_at = least(s.next_cycle_at, :now::timestamptz), retry_after = '-infinity', read_again_since = least(s.read_again_since, :since::timestamptz)
FROM salesloft_connections c
WHERE c.organization_id = s.organization_id AND c.status = 'connected' AND s.organization_id = :organization_id
RETURNING s.stream

-- name: read_progress
-- How far streams are that were to be read at an instant: what their present cycles have looked at, what is owed, and whether they are
-- through.
SELECT s.stream, coalesce(l.scanned, 0) AS scanned, coalesce(l.emitted, 0) AS emitted,
  (SELECT coalesce(sum(o.units), 0) FROM owed_records o WHERE o.organization_id = s.organization_id AND o.stream = s.stream) AS owed,
  s.read_again_since IS NULL AND s.cycle_started_at >= :asked_at::timestamptz AND s.cycle_ended_at >= s.cycle_started_at AS is_read,
  s.cycle_started_at >= :asked_at::timestamptz AS has_begun
FROM sync_streams s
LEFT JOIN sync_ledger l ON l.organization_id = s.organization_id AND l.stream = s.stream AND l.cycle = s.cycle
WHERE s.organization_id = :organization_id
ORDER BY s.stream

-- name: read_position$
-- How far a stream has been read.
SELECT position_at FROM sync_streams WHERE organization_id = :organization_id AND stream = :stream

-- name: advance_stream!
-- How far the stream has been read.
UPDATE sync_streams SET position_at = :position_at, position_ids = :position_ids::text[], failures = 0
WHERE organization_id = :organization_id AND stream = :stream

-- name: add_to_ledger!
-- What a page showed and what became of it; what is owed is kept record by record.
UPDATE sync_ledger SET
  scanned = scanned + :scanned, emitted = emitted + :emitted, deduplicated = deduplicated + :deduplicated,
  out_of_scope = out_of_scope + :out_of_scope, fallen = fallen + :fallen
WHERE organization_id = :organization_id AND stream = :stream AND cycle = :cycle

-- name: end_cycle!
-- The stream has been read to its end.
UPDATE sync_streams SET cycle_ended_at = :now::timestamptz, failures = 0, retry_after = '-infinity',
  next_cycle_at = CASE WHEN read_again_since IS NULL THEN :next_cycle_at::timestamptz ELSE :now::timestamptz END
WHERE organization_id = :organization_id AND stream = :stream

-- name: close_ledger
-- The ledger of a cycle, closed with all that its stream owes by then, whichever cycle met it.
UPDATE sync_ledger SET ended_at = :now, watermark = :watermark,
  owed = (SELECT coalesce(sum(o.units), 0) FROM owed_records o WHERE o.organization_id = :organization_id AND o.stream = :stream)
WHERE organization_id = :organization_id AND stream = :stream AND cycle = :cycle
RETURNING started_at, scanned, emitted, deduplicated, out_of_scope, fallen, owed

-- name: postpone_streams!
-- Some streams of the organization go on at another business instant, or after a real pause, or both.
UPDATE sync_streams SET
  next_cycle_at = greatest(next_cycle_at, coalesce(:next_cycle_at, next_cycle_at)),
  retry_after = clock_timestamp() + :pause_s * interval '1 second', failures = failures + :failures
WHERE organization_id = :organization_id AND stream = ANY (:streams::text[])

-- name: hasten_stream!
-- Something has changed: read the stream at this instant at the latest.
UPDATE sync_streams SET next_cycle_at = least(next_cycle_at, :at)
WHERE organization_id = :organization_id AND stream = :stream

-- name: notify_sync!
-- Hint to the pollers that something is due; heard only after the commit.
SELECT pg_notify('cscx_sync', :organization_id)
