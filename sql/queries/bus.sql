-- name: mark_inbox
-- Mark a batch of messages as taken; answers the places (from 1) of those that were marked before, which are few.
WITH named AS (
  SELECT m.topic, m.source, m.event_id, m.data_digest, m.place
  FROM unnest(:marks::inbox_mark[]) WITH ORDINALITY AS m (topic, source, event_id, data_digest, place)
), marked AS (
  INSERT INTO inbox (consumer_group, topic, source, event_id, data_digest)
  SELECT :consumer_group, topic, source, event_id, data_digest FROM named ORDER BY event_id, source, topic
  ON CONFLICT DO NOTHING
  RETURNING topic, source, event_id
)
SELECT named.place FROM named
WHERE NOT EXISTS (
  SELECT FROM marked
  WHERE marked.event_id = named.event_id AND marked.source = named.source AND marked.topic = named.topic
)

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
  FROM unnest(:messages::outbox_message[]) AS m
  RETURNING lane, position
)
INSERT INTO outbox_unsent (lane, position)
SELECT lane, position FROM stored

-- name: notify_outbox!
-- Hint to the relays that something waits; heard only after the commit.
SELECT pg_notify('cscx_outbox', '')
