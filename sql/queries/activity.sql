-- name: linked_stakeholders
-- Whose people some people are, nobody erased among them; without a lock, to know whose customers to lock.
SELECT l.person_id, s.stakeholder_id, s.customer_id
FROM stakeholder_people l JOIN directory_stakeholders s USING (organization_id, stakeholder_id)
WHERE l.organization_id = :organization_id AND l.person_id = ANY (:person_ids::bigint[]) AND s.erased_at IS NULL
ORDER BY s.stakeholder_id

-- name: lock_linked_stakeholders
-- The same; nobody of them is erased before the commit, for an erasure says that nothing more comes.
SELECT l.person_id, s.stakeholder_id, s.customer_id
FROM stakeholder_people l JOIN directory_stakeholders s USING (organization_id, stakeholder_id)
WHERE l.organization_id = :organization_id AND l.person_id = ANY (:person_ids::bigint[]) AND s.erased_at IS NULL
ORDER BY s.stakeholder_id
FOR SHARE OF s

-- name: stays_of_people
-- Every stay of some people on a cadence and the enrollment that made it, where one did; oldest first.
SELECT m.salesloft_person_id, m.cadence_id, m.added_at, m.enrollment_id, e.stakeholder_id, e.correlation_id
FROM salesloft_memberships m LEFT JOIN enrollments e ON e.id = m.enrollment_id
WHERE m.organization_id = :organization_id AND m.salesloft_person_id = ANY (:person_ids::bigint[])
ORDER BY m.added_at, m.salesloft_membership_id

-- name: lock_emails
-- What is remembered of some e-mails, locked until the commit.
SELECT email_id, sent_at, views, clicks, replies, bounced, salesloft_updated_at
FROM salesloft_emails
WHERE organization_id = :organization_id AND email_id = ANY (:email_ids::bigint[])
ORDER BY email_id
FOR UPDATE

-- name: put_emails!
-- Remember e-mails. Whatever was remembered meanwhile, the highest counts stay.
INSERT INTO salesloft_emails AS known (organization_id, email_id, person_id, cadence_id, step_id, sent_at, views, clicks, replies, bounced,
  salesloft_updated_at)
SELECT :organization_id, e.email_id, e.person_id, e.cadence_id, e.step_id, e.sent_at, e.views, e.clicks, e.replies, e.bounced, e.updated_at
FROM unnest(:email_ids::bigint[], :person_ids::bigint[], :cadence_ids::bigint[], :step_ids::bigint[], :sent_at::timestamptz[],
            :views::integer[], :clicks::integer[], :replies::integer[], :bounced::boolean[], :updated_at::timestamptz[])
     AS e (email_id, person_id, cadence_id, step_id, sent_at, views, clicks, replies, bounced, updated_at)
ORDER BY e.email_id
ON CONFLICT (organization_id, email_id) DO UPDATE SET
  sent_at = coalesce(known.sent_at, excluded.sent_at), views = greatest(known.views, excluded.views),
  clicks = greatest(known.clicks, excluded.clicks), replies = greatest(known.replies, excluded.replies),
  bounced = known.bounced OR excluded.bounced,
  salesloft_updated_at = greatest(known.salesloft_updated_at, excluded.salesloft_updated_at)

-- name: add_units
-- Keep units that were never told; answers their ids. What was told before keeps what was said then.
INSERT INTO activity_units (event_id, organization_id, stakeholder_id, enrollment_id, source, source_id, metric, ordinal, person_id,
  cadence_id, step_id, occurred_from, occurred_to, noticed_at, confidence)
SELECT u.event_id, :organization_id, u.stakeholder_id, u.enrollment_id, u.source, u.source_id, u.metric, u.ordinal, u.person_id,
       u.cadence_id, u.step_id, u.occurred_from, u.occurred_to, :noticed_at, u.confidence
FROM unnest(:event_ids::uuid[], :stakeholder_ids::text[], :enrollment_ids::uuid[], :sources::text[], :source_ids::text[], :metrics::text[],
            :ordinals::integer[], :person_ids::bigint[], :cadence_ids::bigint[], :step_ids::bigint[], :occurred_from::timestamptz[],
            :occurred_to::timestamptz[], :confidences::text[])
     AS u (event_id, stakeholder_id, enrollment_id, source, source_id, metric, ordinal, person_id, cadence_id, step_id, occurred_from,
           occurred_to, confidence)
ORDER BY u.event_id
ON CONFLICT (organization_id, event_id) DO NOTHING
RETURNING event_id

-- name: lock_engagements
-- The engagement of some stakeholders, locked until the commit; whoever has none yet gets an empty one.
INSERT INTO engagements AS known (organization_id, stakeholder_id, customer_id, data, updated_at)
SELECT :organization_id, s.stakeholder_id, s.customer_id, '{}', :now
FROM unnest(:stakeholder_ids::text[], :customer_ids::text[]) AS s (stakeholder_id, customer_id)
ORDER BY s.stakeholder_id
ON CONFLICT (organization_id, stakeholder_id) DO UPDATE SET customer_id = excluded.customer_id
RETURNING stakeholder_id, customer_id, tallies, sequence, data

-- name: read_engagements
-- The engagement of some stakeholders, as it stands.
SELECT g.organization_id, g.stakeholder_id, g.data, g.tallies
FROM unnest(:stakeholders::subject_key[]) AS s (organization_id, stakeholder_id)
JOIN engagements g USING (organization_id, stakeholder_id)

-- name: put_engagements!
-- What the engagement of some stakeholders has become.
UPDATE engagements g SET tallies = e.tallies::jsonb, data = e.data::jsonb, sequence = e.sequence, updated_at = :now
FROM unnest(:stakeholder_ids::text[], :tallies::text[], :data::text[], :sequences::integer[])
     AS e (stakeholder_id, tallies, data, sequence)
WHERE g.organization_id = :organization_id AND g.stakeholder_id = e.stakeholder_id

-- name: active_cadences
-- The cadences that some stakeholders are on: a stay that an enrollment made is its stakeholder's, another one everybody's who is the
-- person.
SELECT DISTINCT ON (l.stakeholder_id, m.cadence_id)
       l.stakeholder_id, m.cadence_id, coalesce(c.name, m.cadence_name) AS name, m.current_step, jsonb_array_length(c.steps) AS steps
FROM stakeholder_people l
JOIN salesloft_memberships m ON m.organization_id = l.organization_id AND m.salesloft_person_id = l.person_id
LEFT JOIN salesloft_cadences c ON c.organization_id = m.organization_id AND c.cadence_id = m.cadence_id
LEFT JOIN enrollments e ON e.id = m.enrollment_id
WHERE l.organization_id = :organization_id AND l.stakeholder_id = ANY (:stakeholder_ids::text[]) AND m.currently_on_cadence
  AND (e.id IS NULL OR e.stakeholder_id = l.stakeholder_id)
ORDER BY l.stakeholder_id, m.cadence_id, m.added_at DESC

-- name: link_people_by_email!
-- Stakeholders without a person get the one with their address, of several the oldest. Where no activity was read yet there is nothing to
-- read once more.
INSERT INTO stakeholder_people (organization_id, stakeholder_id, person_id, linked_by, linked_at, backfilled_person_id)
SELECT DISTINCT ON (s.stakeholder_id) s.organization_id, s.stakeholder_id, p.person_id, 'email', :now,
       CASE WHEN NOT EXISTS (
         SELECT FROM sync_streams k WHERE k.organization_id = :organization_id AND k.position_at IS NOT NULL
           AND k.stream IN ('memberships', 'emails', 'calls', 'histories')) THEN p.person_id END
FROM unnest(:person_ids::bigint[], :emails::text[]) AS p (person_id, email)
JOIN directory_stakeholders s ON s.organization_id = :organization_id AND s.email = p.email AND s.erased_at IS NULL
WHERE NOT EXISTS (SELECT FROM stakeholder_people l WHERE l.organization_id = s.organization_id AND l.stakeholder_id = s.stakeholder_id)
ORDER BY s.stakeholder_id, p.person_id
ON CONFLICT (organization_id, stakeholder_id) DO NOTHING

-- name: note_strangers!
-- People of the team that are no stakeholder of ours, by id and digest.
INSERT INTO unlinked_people AS known (organization_id, person_id, email_digest)
SELECT :organization_id, p.person_id, p.email_digest
FROM unnest(:person_ids::bigint[], :digests::bytea[]) AS p (person_id, email_digest)
ORDER BY p.person_id
ON CONFLICT (organization_id, person_id) DO UPDATE SET email_digest = excluded.email_digest
WHERE known.email_digest IS DISTINCT FROM excluded.email_digest

-- name: forget_strangers!
-- They are somebody's person now.
DELETE FROM unlinked_people WHERE organization_id = :organization_id AND person_id = ANY (:person_ids::bigint[])

-- name: unlinked_emails
-- The addresses of stakeholders without a person.
SELECT DISTINCT s.email FROM directory_stakeholders s
WHERE s.organization_id = :organization_id AND s.email IS NOT NULL AND s.erased_at IS NULL
  AND NOT EXISTS (SELECT FROM stakeholder_people l WHERE l.organization_id = s.organization_id AND l.stakeholder_id = s.stakeholder_id)

-- name: known_people_with
-- Who is somebody's person already and has one of these addresses.
SELECT person_id, email FROM salesloft_people
WHERE organization_id = :organization_id AND email = ANY (:emails::text[]) AND NOT deleted

-- name: strangers_with
-- Who has one of these addresses.
SELECT person_id FROM unlinked_people
WHERE organization_id = :organization_id AND email_digest = ANY (:digests::bytea[])
ORDER BY person_id LIMIT :limit

-- name: read_backfills
-- Links whose person was not read from the start for this stakeholder.
SELECT l.stakeholder_id, l.person_id
FROM stakeholder_people l JOIN directory_stakeholders s USING (organization_id, stakeholder_id)
WHERE l.organization_id = :organization_id AND l.backfilled_person_id IS DISTINCT FROM l.person_id AND s.erased_at IS NULL
ORDER BY l.person_id, l.stakeholder_id LIMIT :limit

-- name: finish_backfills!
-- They have been read; a link that is another one by now still waits.
UPDATE stakeholder_people l SET backfilled_person_id = l.person_id
FROM unnest(:stakeholder_ids::text[], :person_ids::bigint[]) AS b (stakeholder_id, person_id)
WHERE l.organization_id = :organization_id AND l.stakeholder_id = b.stakeholder_id AND l.person_id = b.person_id

-- name: customers_of_stays
-- Whose customers may change when stays of some people do: those of the enrollments that made them.
SELECT DISTINCT e.customer_id
FROM salesloft_memberships m JOIN enrollments e ON e.id = m.enrollment_id
WHERE m.organization_id = :organization_id AND m.salesloft_person_id = ANY (:person_ids::bigint[])

-- name: lock_stays
-- What is remembered of some memberships, each stay a row, locked until the commit; oldest first.
SELECT salesloft_membership_id, added_at, status, salesloft_updated_at
FROM salesloft_memberships
WHERE organization_id = :organization_id AND salesloft_membership_id = ANY (:membership_ids::bigint[])
ORDER BY salesloft_membership_id, added_at
FOR UPDATE

-- name: stays_under_command
-- Memberships, given by person and cadence, on which a command of an enrollment is being carried out: what is seen of them is its doing.
SELECT DISTINCT e.salesloft_person_id, e.cadence_id
FROM commands c JOIN enrollments e ON e.id = c.enrollment_id
WHERE c.organization_id = :organization_id AND c.state = 'pending' AND c.attempts > 0
  AND e.salesloft_person_id = ANY (:person_ids::bigint[])

-- name: put_stays
-- Remember stays; answers those that are new or changed, with the enrollment that made them where one did.
INSERT INTO salesloft_memberships AS known (id, organization_id, stakeholder_id, salesloft_person_id, cadence_id, cadence_name, status, current_step,
  added_at, completed_at, salesloft_membership_id, salesloft_state, currently_on_cadence, salesloft_user_id, step_id, salesloft_updated_at, created_at)
SELECT m.id, :organization_id, m.stakeholder_id, m.person_id, m.cadence_id, c.name, m.status,
       (SELECT o.place FROM jsonb_array_elements(c.steps) WITH ORDINALITY AS o (step, place) WHERE (o.step ->> 'id')::bigint = m.step_id LIMIT 1),
       m.added_at, m.completed_at, m.membership_id, m.salesloft_state, m.on_cadence, m.user_id, m.step_id, m.updated_at, :now
FROM unnest(:ids::uuid[], :stakeholder_ids::text[], :person_ids::bigint[], :cadence_ids::bigint[], :statuses::text[], :added_at::timestamptz[],
            :completed_at::timestamptz[], :membership_ids::bigint[], :salesloft_states::text[], :on_cadence::boolean[], :user_ids::bigint[],
            :step_ids::bigint[], :updated_at::timestamptz[])
     AS m (id, stakeholder_id, person_id, cadence_id, status, added_at, completed_at, membership_id, salesloft_state, on_cadence, user_id, step_id,
           updated_at)
LEFT JOIN salesloft_cadences c ON c.organization_id = :organization_id AND c.cadence_id = m.cadence_id
ORDER BY m.membership_id, m.added_at
ON CONFLICT (organization_id, salesloft_membership_id, added_at) DO UPDATE SET
  stakeholder_id = coalesce(known.stakeholder_id, excluded.stakeholder_id), cadence_name = coalesce(excluded.cadence_name, known.cadence_name),
  status = excluded.status, current_step = coalesce(excluded.current_step, known.current_step),
  completed_at = coalesce(known.completed_at, excluded.completed_at),
  salesloft_state = coalesce(excluded.salesloft_state, known.salesloft_state), currently_on_cadence = excluded.currently_on_cadence,
  salesloft_user_id = coalesce(excluded.salesloft_user_id, known.salesloft_user_id), step_id = coalesce(excluded.step_id, known.step_id),
  salesloft_updated_at = excluded.salesloft_updated_at
WHERE excluded.salesloft_updated_at > known.salesloft_updated_at
RETURNING id, salesloft_membership_id, added_at, salesloft_state, current_step, enrollment_id, cadence_id, cadence_name

-- name: ended_enrollments
-- Enrollments whose stay has ended at Salesloft while nothing of ours was being done about it.
SELECT e.id AS enrollment_id, e.organization_id, e.customer_id, e.stakeholder_id, m.id, m.salesloft_membership_id, m.salesloft_person_id, m.added_at,
       m.status, m.salesloft_state, m.current_step, m.step_id, m.cadence_id, m.salesloft_updated_at
FROM enrollments e JOIN salesloft_memberships m ON m.id = e.membership_id
WHERE e.organization_id = :organization_id AND e.state = 'enrolled' AND m.status IN ('completed', 'removed')
  AND NOT EXISTS (SELECT FROM commands c WHERE c.enrollment_id = e.id AND c.state = 'pending' AND c.attempts > 0)
ORDER BY e.customer_id, e.id
