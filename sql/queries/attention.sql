-- name: expiring_requests
-- Unanswered requests that expire soon and have but a quarter of their time left, and of which nobody was told.
SELECT e.organization_id, e.id, e.expires_at
FROM enrollments e
WHERE e.state = 'requested' AND e.expires_at > :now AND e.expires_at <= :soon
  AND e.expires_at - :now::timestamptz <= (e.expires_at - e.requested_at) / 4
  AND NOT EXISTS (
    SELECT FROM attention a
    WHERE a.organization_id = e.organization_id AND a.kind = 'approval_expiring' AND a.subject = e.id::text AND a.since = e.expires_at)
ORDER BY e.expires_at LIMIT :at_most

-- name: failing_connections
-- Connections that nobody has renewed since they broke, and those of which some stream has not been read for long; each once a day.
SELECT found.organization_id, found.team_id, found.status, found.since + found.days * interval '1 day' AS since, found.since AS broken_at
FROM (
  SELECT failing.*, floor(extract(epoch FROM :now::timestamptz - failing.since) / 86400)::integer AS days
  FROM (
    SELECT c.organization_id, c.team_id, c.status,
      CASE c.status WHEN 'connected' THEN
        -- Never read is silent since it was connected, and what was read before that says nothing.
        coalesce((SELECT min(greatest(s.cycle_ended_at, c.status_since)) FROM sync_streams s WHERE s.organization_id = c.organization_id),
                 c.status_since)
      ELSE c.status_since END AS since
    FROM salesloft_connections c WHERE c.status IN ('connected', 'needs_reauthorization')
  ) AS failing
) AS found
WHERE ((found.status = 'connected' AND found.since <= :silent_since) OR (found.status = 'needs_reauthorization' AND found.days > 0))
  AND NOT EXISTS (
    SELECT FROM attention a
    WHERE a.organization_id = found.organization_id AND a.kind = 'connection_failing' AND a.subject = found.team_id::text
      AND a.since = found.since + found.days * interval '1 day')
ORDER BY found.organization_id LIMIT :at_most

-- name: rising_failures
-- Organizations of which more enrollments failed within the last hour than are expected, and than twice those of the hour before.
SELECT counted.organization_id, counted.latest, counted.before
FROM (
  SELECT h.organization_id, count(*) FILTER (WHERE h.changed_at > :now::timestamptz - interval '1 hour') AS latest,
    count(*) FILTER (WHERE h.changed_at <= :now::timestamptz - interval '1 hour') AS before
  FROM enrollment_history h
  WHERE h.to_state = 'failed' AND h.changed_at > :now::timestamptz - interval '2 hours' AND h.changed_at <= :now::timestamptz
  GROUP BY h.organization_id
) AS counted
WHERE counted.latest >= :at_least AND counted.latest > 2 * counted.before
  AND NOT EXISTS (
    SELECT FROM attention a
    WHERE a.organization_id = counted.organization_id AND a.kind = 'failures_rising' AND a.subject = counted.organization_id
      AND a.since > :now::timestamptz - interval '1 hour')
ORDER BY counted.organization_id LIMIT :at_most

-- name: owing_streams
-- Streams whose last two cycles both ended owing something; each told of once a day while that goes on.
SELECT l.organization_id, l.stream, l.ended_at AS since, l.owed, before.owed AS owed_before
FROM sync_ledger l
JOIN sync_ledger before ON before.organization_id = l.organization_id AND before.stream = l.stream AND before.cycle = l.cycle - 1
WHERE l.owed > 0 AND before.owed > 0 AND l.ended_at > :now::timestamptz - interval '1 day' AND l.ended_at <= :now::timestamptz
  AND NOT EXISTS (
    SELECT FROM sync_ledger later
    WHERE later.organization_id = l.organization_id AND later.stream = l.stream AND later.cycle > l.cycle AND later.ended_at IS NOT NULL)
  AND NOT EXISTS (
    SELECT FROM attention a
    WHERE a.organization_id = l.organization_id AND a.kind = 'sync_owes' AND a.subject = l.stream AND a.since > :now::timestamptz - interval '1 day')
ORDER BY l.organization_id, l.stream LIMIT :at_most

-- name: undone_removals
-- People who should be off their cadence and whom a connected Salesloft has not let go for long, and of whom nobody was told.
SELECT c.organization_id, c.enrollment_id, c.created_at AS since, c.last_error
FROM commands c
JOIN salesloft_connections o ON o.organization_id = c.organization_id AND o.status = 'connected'
WHERE c.state = 'pending' AND c.kind = 'remove' AND c.created_at <= :asked_before AND c.last_error IS NOT NULL
  AND NOT EXISTS (
    SELECT FROM attention a
    WHERE a.organization_id = c.organization_id AND a.kind = 'failures_rising' AND a.subject = c.enrollment_id::text AND a.since = c.created_at)
ORDER BY c.created_at LIMIT :at_most

-- name: add_attention!
-- Note of what people are told.
INSERT INTO attention (organization_id, kind, subject, since, told_at)
SELECT organization_id, kind, subject, since, :now
FROM unnest(:organization_ids::text[], :kinds::text[], :subjects::text[], :sinces::timestamptz[]) AS told (organization_id, kind, subject, since)
ON CONFLICT DO NOTHING

-- name: prune_attention$
-- Forget what was told long ago; answers how much.
WITH gone AS (
  DELETE FROM attention a USING (
    SELECT organization_id, kind, subject, since FROM attention WHERE told_at < :told_before LIMIT :at_most
  ) AS old
  WHERE a.organization_id = old.organization_id AND a.kind = old.kind AND a.subject = old.subject AND a.since = old.since
  RETURNING 1
)
SELECT count(*) FROM gone
