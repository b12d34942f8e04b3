-- name: outbox_given_out$
-- How far positions of the outbox were given out; transactions that are still open may hold some of them.
SELECT coalesce(pg_sequence_last_value('outbox_position_seq'), 0)

-- name: outbox_writers
-- Who may hold positions of the outbox and has not committed: the transactions with the lock that an insert takes first.
SELECT DISTINCT virtualtransaction AS writer FROM pg_locks
WHERE locktype = 'relation' AND relation = 'outbox'::regclass AND mode = 'RowExclusiveLock' AND granted
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())

-- name: outbox_oldest$
-- The oldest position that is kept, nothing where none is.
SELECT min(position) FROM outbox

-- name: outbox_between
-- What some organizations' messages of some topics and types say, from beyond a position up to another.
SELECT o.position, o.id, o.type, o.aggregateid, o.payload
FROM outbox o
WHERE o.position > :after AND o.position <= :until
  AND o.topic = ANY (:topics::text[]) AND o.type = ANY (:types::text[])
  AND split_part(o.aggregateid, ':', 1) = ANY (:organization_ids::text[])
ORDER BY o.position LIMIT :at_most
