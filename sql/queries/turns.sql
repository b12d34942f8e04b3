-- name: try_turn$
-- Be the one who does this duty until the commit; false if somebody else is.
SELECT pg_try_advisory_xact_lock(hashtextextended('cscx_salesloft ' || :duty, 0))

-- name: prune_inbox$
-- Delete marks that are older than every repetition; answers how many.
WITH old AS (
  SELECT consumer_group, topic, source, event_id FROM inbox WHERE recorded_at < :recorded_before LIMIT :at_most
), gone AS (
  DELETE FROM inbox i USING old
  WHERE i.event_id = old.event_id AND i.source = old.source AND i.topic = old.topic AND i.consumer_group = old.consumer_group
  RETURNING i.event_id
)
SELECT count(*) FROM gone

-- name: prune_commands$
-- Delete commands that were done long ago; answers how many.
WITH old AS (
  SELECT position FROM commands WHERE state <> 'pending' AND done_at < :done_before LIMIT :at_most
), gone AS (
  DELETE FROM commands c USING old WHERE c.position = old.position RETURNING c.position
)
SELECT count(*) FROM gone
