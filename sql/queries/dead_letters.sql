-- name: keep_dead_letters!
-- Keep dead letters whose organization is known; one that is kept already stays.
INSERT INTO dead_letters (id, organization_id, consumer_group, topic, origin_partition, origin_offset, origin_at, replays, came_back_from,
  subject_id, event_id, event_type, correlation_id, stage, code, message, attempts, shown, failed_at, state, key, headers, payload)
SELECT l.id, l.organization_id, l.consumer_group, l.topic, l.origin_partition, l.origin_offset, l.origin_at, l.replays, l.came_back_from,
  l.subject_id, l.event_id, l.event_type, l.correlation_id, l.stage, l.code, l.message, l.attempts, l.shown::json, :now,
  CASE WHEN l.is_too_large THEN 'too_large' ELSE 'waiting' END,
  CASE WHEN NOT l.is_too_large THEN l.key END, CASE WHEN NOT l.is_too_large THEN l.headers END,
  CASE WHEN NOT l.is_too_large THEN l.payload END
FROM unnest(:id::uuid[], :organization_id::text[], :consumer_group::text[], :topic::text[], :origin_partition::integer[],
  :origin_offset::bigint[], :origin_at::timestamptz[], :replays::integer[], :came_back_from::uuid[], :subject_id::text[], :event_id::text[],
  :event_type::text[], :correlation_id::text[], :stage::text[], :code::text[], :message::text[], :attempts::integer[], :shown::text[],
  :is_too_large::boolean[], :key::bytea[], :headers::bytea[], :payload::bytea[])
  AS l (id, organization_id, consumer_group, topic, origin_partition, origin_offset, origin_at, replays, came_back_from, subject_id, event_id,
    event_type, correlation_id, stage, code, message, attempts, shown, is_too_large, key, headers, payload)
ON CONFLICT DO NOTHING

-- name: look_at_dead_letters
-- An organization's dead letters as people look at them, the latest first.
SELECT id, topic, subject_id, event_id, event_type, correlation_id, stage, code, message, attempts, replays, failed_at, state,
  came_back_from, redrive_id, shown
FROM dead_letters
WHERE organization_id = :organization_id
  AND (:id::uuid IS NULL OR id = :id)
  AND (:topic::text IS NULL OR topic = :topic)
  AND (:code::text IS NULL OR code = :code)
  AND (:state::text IS NULL OR state = :state)
  AND (:before_at::timestamptz IS NULL OR (failed_at, id) < (:before_at, :before_id::uuid))
ORDER BY failed_at DESC, id DESC LIMIT :at_most

-- name: waiting_dead_letters
-- An organization's dead letters that can be sent back, as they failed, and nobody else's to send back until the transaction ends.
SELECT id, topic, code, replays, octet_length(headers) + coalesce(octet_length(payload), 0) AS size FROM dead_letters
WHERE organization_id = :organization_id AND state = 'waiting'
  AND (:topic::text IS NULL OR topic = :topic)
  AND (:codes::text[] IS NULL OR code = ANY (:codes))
  AND (:ids::uuid[] IS NULL OR id = ANY (:ids))
ORDER BY failed_at, topic, origin_partition, origin_offset, id LIMIT :at_most
FOR UPDATE

-- name: contents_of_dead_letters
-- Some dead letters of an organization with their bytes.
SELECT id, consumer_group, topic, origin_at, replays, key, headers, payload FROM dead_letters
WHERE organization_id = :organization_id AND id = ANY (:ids::uuid[]) AND state = 'waiting'

-- name: settle_dead_letters!
-- What was handed to the outbox need not be kept here.
UPDATE dead_letters SET state = CASE WHEN id = ANY (:parked::uuid[]) THEN 'parked' ELSE 'sent_back' END, redrive_id = :redrive_id,
  key = NULL, headers = NULL, payload = NULL
WHERE organization_id = :organization_id AND (id = ANY (:sent::uuid[]) OR id = ANY (:parked::uuid[]))

-- name: settle_dead_letters_by_origin!
-- What the operator has sent back is not to be sent back again.
UPDATE dead_letters l SET state = 'sent_back', redrive_id = :plan_id, key = NULL, headers = NULL, payload = NULL
FROM unnest(:organization_ids::text[], :partitions::integer[], :offsets::bigint[], :replays::integer[])
  AS o (organization_id, origin_partition, origin_offset, replays)
WHERE l.organization_id = o.organization_id AND l.consumer_group = :consumer_group AND l.topic = :topic AND l.origin_partition = o.origin_partition
  AND l.origin_offset = o.origin_offset AND l.replays = o.replays AND l.state IN ('waiting', 'too_large', 'erased')

-- name: dead_letters_sent_back
-- Which of these records their organizations have sent back.
SELECT l.organization_id, l.origin_partition, l.origin_offset, l.replays
FROM unnest(:organization_ids::text[], :partitions::integer[], :offsets::bigint[], :replays::integer[])
  AS o (organization_id, origin_partition, origin_offset, replays)
JOIN dead_letters l ON l.organization_id = o.organization_id AND l.consumer_group = :consumer_group AND l.topic = :topic AND l.origin_partition = o.origin_partition
  AND l.origin_offset = o.origin_offset AND l.replays = o.replays
WHERE l.state IN ('sent_back', 'parked')

-- name: add_dead_letter_redrive!
-- Note what an organization sends back.
INSERT INTO dead_letter_redrives (id, organization_id, plan, letters, parked, requested_by, requested_at, outbox_after, outbox_until)
VALUES (:id, :organization_id, :plan, :letters, :parked, :requested_by, :now, :outbox_after, :outbox_until)

-- name: look_at_dead_letter_redrives
-- What an organization sent back, the latest first: how much of it waits for the relay, and how much failed again.
SELECT r.id, r.letters, r.parked, r.requested_by, r.requested_at,
  (SELECT count(*) FROM outbox o JOIN outbox_unsent u USING (lane, position)
   WHERE o.position > r.outbox_after AND o.position <= r.outbox_until
     AND o.aggregatetype = 'dead_letter_redrive' AND o.aggregateid = r.id::text)::integer AS leaving,
  (SELECT count(*) FROM dead_letters l WHERE l.organization_id = r.organization_id AND l.came_back_from = r.id)::integer AS failed_again
FROM dead_letter_redrives r
WHERE r.organization_id = :organization_id
  AND (:id::uuid IS NULL OR r.id = :id)
  AND (:before_at::timestamptz IS NULL OR (r.requested_at, r.id) < (:before_at, :before_id::uuid))
ORDER BY r.requested_at DESC, r.id DESC LIMIT :at_most

-- name: scrub_dead_letters!
-- Delete the bytes of what names an erased subject: in the key, or as a text of the record; of one that is no JSON, anywhere in it.
UPDATE dead_letters l SET state = 'erased', key = NULL, headers = NULL, payload = NULL
FROM unnest(:organization_ids::text[], :subject_ids::text[]) AS e (organization_id, subject_id)
WHERE l.organization_id = e.organization_id AND l.state = 'waiting'
  AND (l.subject_id = e.subject_id
    OR position(convert_to(CASE WHEN l.shown IS NULL THEN e.subject_id ELSE '"' || e.subject_id || '"' END, 'UTF8') IN l.payload) > 0)

-- name: escaped_dead_letters
-- Dead letters of some organizations that may spell a text otherwise than it is written: JSON with a backslash in it.
SELECT id, organization_id, payload FROM dead_letters
WHERE organization_id = ANY (:organization_ids::text[]) AND state = 'waiting' AND shown IS NOT NULL
  AND position('\x5c'::bytea IN payload) > 0

-- name: erase_dead_letters!
-- Delete the bytes of these dead letters.
UPDATE dead_letters SET state = 'erased', key = NULL, headers = NULL, payload = NULL
WHERE id = ANY (:ids::uuid[]) AND state = 'waiting'

-- name: prune_dead_letters$
-- Forget what is older than the topics of dead letters keep; answers how many.
WITH gone AS (
  DELETE FROM dead_letters WHERE id IN (
    SELECT id FROM dead_letters WHERE kept_at < :kept_before ORDER BY kept_at LIMIT :at_most FOR UPDATE SKIP LOCKED)
  RETURNING id
)
SELECT count(*) FROM gone
