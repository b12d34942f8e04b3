-- name: mark_inbox
-- Mark a batch of messages as taken; answers only those that were not marked before.
INSERT INTO inbox (consumer_group, topic, source, event_id, data_digest)
SELECT :consumer_group, m.topic, m.source, m.event_id, m.data_digest
FROM unnest(:topics::text[], :sources::text[], :event_ids::text[], :data_digests::bytea[]) AS m (topic, source, event_id, data_digest)
ORDER BY m.event_id, m.source, m.topic
ON CONFLICT DO NOTHING
RETURNING topic, source, event_id

-- name: read_inbox
-- The marks that some messages already had, to tell a repetition from another message under the same id.
SELECT i.topic, i.source, i.event_id, i.data_digest
FROM unnest(:topics::text[], :sources::text[], :event_ids::text[]) AS m (topic, source, event_id)
JOIN inbox i ON i.event_id = m.event_id AND i.source = m.source AND i.topic = m.topic AND i.consumer_group = :consumer_group

-- name: unmark_inbox!
-- Take back the marks of messages that turned into dead letters in this transaction.
DELETE FROM inbox i
USING unnest(:topics::text[], :sources::text[], :event_ids::text[]) AS m (topic, source, event_id)
WHERE i.event_id = m.event_id AND i.source = m.source AND i.topic = m.topic AND i.consumer_group = :consumer_group

-- name: add_to_outbox!
-- Store messages to be published, in the order given.
WITH stored AS (
  INSERT INTO outbox (id, aggregatetype, aggregateid, type, topic, key, lane, headers, payload)
  SELECT m.id, m.aggregatetype, m.aggregateid, m.type, m.topic, m.key, m.lane, m.headers, m.payload
  FROM unnest(:ids::uuid[], :aggregate_types::text[], :aggregate_ids::text[], :types::text[], :topics::text[], :keys::bytea[],
              :lanes::smallint[], :headers::bytea[], :payloads::bytea[])
       WITH ORDINALITY AS m (id, aggregatetype, aggregateid, type, topic, key, lane, headers, payload, ordinality)
  ORDER BY m.ordinality
  RETURNING lane, position
)
INSERT INTO outbox_unsent (lane, position)
SELECT lane, position FROM stored

-- name: notify_outbox!
-- Hint to the relays that something waits; heard only after the commit.
SELECT pg_notify('cscx_outbox', '')
