-- name: record_read_through!
-- Keep the latest instants; two owners of a partition may report in any order.
INSERT INTO consumer_progress (topic, partition, read_through)
SELECT m.topic, m.partition, m.read_through
FROM unnest(:topics::text[], :partitions::integer[], :instants::timestamptz[]) AS m (topic, partition, read_through)
ORDER BY m.topic, m.partition
ON CONFLICT (topic, partition) DO UPDATE SET read_through = GREATEST(consumer_progress.read_through, EXCLUDED.read_through)

-- name: read_through^
-- The earliest of a topic's partitions, null unless all of them are known.
SELECT CASE WHEN count(*) = :partitions THEN min(read_through) END AS read_through
FROM consumer_progress
WHERE topic = :topic AND partition < :partitions
