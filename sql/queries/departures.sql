-- name: begin_departure
-- An organization asks to leave; answers nothing if it has asked before.
INSERT INTO departures (organization_id, asked_by, asked_at) VALUES (:organization_id, :asked_by, :now)
ON CONFLICT (organization_id) DO NOTHING
RETURNING organization_id, asked_by, asked_at, left_behind, rows_deleted, left_at

-- name: read_departure
-- An organization's departure, under way or over; nothing where it is here.
SELECT organization_id, asked_by, asked_at, left_behind, rows_deleted, left_at FROM departures WHERE organization_id = :organization_id

-- name: departures_among
-- Which of some organizations leave or have left.
SELECT organization_id FROM departures WHERE organization_id = ANY (:organization_ids::text[])

-- name: departures_under_way
-- Who leaves, the first to ask first.
SELECT organization_id, asked_by, asked_at, left_behind, rows_deleted, left_at FROM departures WHERE left_at IS NULL
ORDER BY asked_at, organization_id LIMIT :limit

-- name: end_absence$
-- An organization that has left comes back; answers nothing where it has not left.
DELETE FROM departures WHERE organization_id = :organization_id AND left_at IS NOT NULL RETURNING organization_id

-- name: count_what_leaves
-- What a departure concerns: the customers and stakeholders of whom something is kept, who is on a cadence, and what is open. What
-- was to begin some other day and has been withdrawn will be nothing when its day comes, and is not waited for.
SELECT (SELECT count(*) FROM directory_customers c WHERE c.organization_id = :organization_id AND c.data IS NOT NULL) AS customers,
       (SELECT count(*) FROM directory_stakeholders s WHERE s.organization_id = :organization_id AND s.data IS NOT NULL) AS stakeholders,
       (SELECT count(*) FROM enrollments e WHERE e.organization_id = :organization_id AND e.state = 'enrolled') AS on_cadence,
       (SELECT count(*) FROM commands w WHERE w.organization_id = :organization_id AND w.state = 'pending'
          AND (w.kind IN ('remove', 'pause', 'resume')
               OR w.kind = 'enroll' AND NOT EXISTS (SELECT FROM enrollments e WHERE e.id = w.enrollment_id AND e.state = 'withdrawn'))) AS commands

-- name: customers_to_forget
-- Customers who are not erased yet, with how new what is known of them is: of who was only spoken of, not new at all.
SELECT customer_id, greatest(as_of, to_timestamp(0)), as_of_offset FROM directory_customers WHERE organization_id = :organization_id AND erased_at IS NULL
ORDER BY customer_id LIMIT :limit

-- name: stakeholders_to_forget
-- Stakeholders who are not erased yet: once their customers are, those of whom a customer was never known.
SELECT stakeholder_id, greatest(as_of, to_timestamp(0)), as_of_offset FROM directory_stakeholders WHERE organization_id = :organization_id AND erased_at IS NULL
ORDER BY stakeholder_id LIMIT :limit

-- name: be_alone_with_organization!
-- Wait for whoever is writing something of the organization at this moment, and have others wait.
SELECT FROM organizations WHERE organization_id = :organization_id FOR UPDATE

-- name: forget_organization$
-- Delete up to so many rows of an organization that leaves; answers how many.
SELECT forget_organization(:organization_id, :at_most)

-- name: note_forgotten!
-- So many rows more are deleted; who could not be taken off a cadence is counted before the first.
UPDATE departures SET rows_deleted = rows_deleted + :rows, left_behind = coalesce(left_behind, :left_behind)
WHERE organization_id = :organization_id

-- name: leave!
-- Nothing of the organization is left but that it was here; what anybody remembers of it counts no more.
WITH emptied AS (
  UPDATE organizations SET time_zone = 'UTC', settings = '{}', settings_version = 1, decision_version = decision_version + 1, updated_at = :now
  WHERE organization_id = :organization_id
)
UPDATE departures SET left_at = :now, left_behind = coalesce(left_behind, 0) WHERE organization_id = :organization_id

-- name: has_open_disconnect$
-- Whether the connection is about to be ended.
SELECT EXISTS (SELECT FROM commands WHERE organization_id = :organization_id AND kind = 'disconnect' AND state = 'pending')

-- name: readable_tables
-- The tables that hold rows of an organization, of those that this role may read, in the order of their names.
SELECT c.relname AS name FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND a.attname = 'organization_id'
  AND has_table_privilege(c.oid, 'SELECT')
ORDER BY c.relname
