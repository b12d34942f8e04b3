-- name: announce_relay!
-- Say that a relay lives, for as long as its leases do.
INSERT INTO outbox_relays (holder, alive_until)
VALUES (:holder, clock_timestamp() + make_interval(secs => :lease_seconds::float8))
ON CONFLICT (holder) DO UPDATE SET alive_until = excluded.alive_until

-- name: forget_relays!
-- Take away a relay that stops, and those that died.
DELETE FROM outbox_relays WHERE holder = :holder OR alive_until < clock_timestamp() - interval '1 hour'

-- name: living_relays
-- Everyone who shares the lanes, in an order on which all agree.
SELECT holder FROM outbox_relays WHERE alive_until > clock_timestamp() ORDER BY holder COLLATE "C"

-- name: renew_lanes
-- Prolong the leases of a relay. One that has run out is still its own as long as nobody else took it.
UPDATE outbox_lanes SET leased_until = clock_timestamp() + make_interval(secs => :lease_seconds::float8)
WHERE holder = :holder
RETURNING lane

-- name: take_lanes
-- Lease lanes that nobody holds, or whose holder has not renewed.
UPDATE outbox_lanes SET holder = :holder, leased_until = clock_timestamp() + make_interval(secs => :lease_seconds::float8)
WHERE lane IN (
  SELECT free.lane FROM outbox_lanes free
  WHERE free.holder IS NULL OR free.leased_until < clock_timestamp()
  ORDER BY free.lane
  LIMIT :wanted::integer
  FOR UPDATE SKIP LOCKED
)
RETURNING lane

-- name: give_lanes_back!
-- End leases early; the caller has nothing of these lanes in flight.
UPDATE outbox_lanes SET holder = NULL, leased_until = NULL WHERE holder = :holder AND lane = ANY(:lanes::smallint[])

-- name: read_queues_in_order!
-- For the rest of the transaction: follow the indexes. A queue's statistics are those of another hour, and a plan is kept
-- that was made while the queue was short; by them the planner collects and sorts a whole backlog to find its first rows,
-- and reads all of it, and what is dead of it, to take out a few.
SELECT set_config(setting, 'off', true)
FROM unnest(ARRAY['enable_seqscan', 'enable_bitmapscan', 'enable_hashjoin', 'enable_mergejoin']) AS setting

-- name: unsent_of_lanes
-- What waits in some lanes, oldest first, without the keys and topics that stand still. Bounded in rows a lane, and in
-- bytes altogether; the first row is free, for it must leave however large it is.
SELECT taken.lane, taken.position, taken.topic, taken.key, taken.headers, taken.payload
FROM (
  SELECT waiting.*,
         sum(coalesce(octet_length(waiting.payload), 0) + octet_length(waiting.headers)) OVER (ORDER BY waiting.position
           ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS bytes_before
  FROM unnest(:lanes::smallint[]) AS own (lane)
  CROSS JOIN LATERAL (
    SELECT u.lane, u.position, o.topic, o.key, o.headers, o.payload
    FROM outbox_unsent u
    JOIN outbox o ON o.position = u.position
    WHERE u.lane = own.lane
      AND (o.topic, coalesce(o.key, '')) NOT IN (
        SELECT stopped.topic, stopped.key FROM unnest(:stopped_topics::text[], :stopped_keys::bytea[]) AS stopped (topic, key))
      AND o.topic NOT IN (SELECT unnest(:absent_topics::text[]))
    ORDER BY u.position
    LIMIT :rows_per_lane::integer
  ) AS waiting
) AS taken
WHERE taken.bytes_before IS NULL OR taken.bytes_before < :max_bytes::bigint
ORDER BY taken.position

-- name: mark_sent!
-- Take what Kafka has acknowledged off the list, each row by the index: the limit keeps the planner from reading the queue
-- first, which it would where it last saw it empty.
DELETE FROM outbox_unsent
WHERE ctid = ANY (ARRAY(
  SELECT found.ctid
  FROM unnest(:lanes::smallint[], :positions::bigint[]) AS sent (lane, position)
  CROSS JOIN LATERAL (
    SELECT u.ctid FROM outbox_unsent u WHERE u.lane = sent.lane AND u.position = sent.position LIMIT 1
  ) AS found
))

-- name: outbox_backlog^
-- How much waits in some lanes, counted up to a bound, and how old the oldest of it is in seconds.
SELECT
  (SELECT count(*) FROM (
     SELECT FROM outbox_unsent WHERE lane = ANY(:lanes::smallint[]) LIMIT :count_at_most::integer
   ) AS counted) AS rows,
  coalesce((
    SELECT extract(epoch FROM clock_timestamp() - min(oldest.created_at))
    FROM unnest(:lanes::smallint[]) AS own (lane)
    CROSS JOIN LATERAL (
      SELECT o.created_at
      FROM outbox_unsent u
      JOIN outbox o ON o.position = u.position
      WHERE u.lane = own.lane
      ORDER BY u.position
      LIMIT 1
    ) AS oldest
  ), 0)::float8 AS oldest_seconds

-- name: prune_outbox$
-- Delete what was written long ago and is sent, among the oldest rows; answers how many. The time is looked at last: a
-- search for it would read the whole table once there is nothing left to delete.
WITH gone AS (
  DELETE FROM outbox WHERE position IN (
    SELECT oldest.position
    FROM (
      SELECT o.position, o.created_at FROM outbox o
      WHERE NOT EXISTS (SELECT FROM outbox_unsent u WHERE u.lane = o.lane AND u.position = o.position)
      ORDER BY o.position
      LIMIT :at_most::integer
    ) AS oldest
    WHERE oldest.created_at < :written_before
  )
  RETURNING 1
)
SELECT count(*) FROM gone
