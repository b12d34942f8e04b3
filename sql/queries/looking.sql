-- name: look_at_enrollments
-- An organization's enrollments as people look at them, the newest first: where each stands on its cadence, and what holds it. That is asked
-- only where there is something that could: it takes longer than most of a row.
SELECT e.id, e.customer_id, e.stakeholder_id, e.state, e.reason, e.trigger_type, e.business_key, e.event_id, e.mapping_id, e.mapping_version,
  e.cadence_id, coalesce(c.name, e.request #>> '{action,cadence,name}') AS cadence_name,
  jsonb_array_length(c.steps) AS steps, e.start_on, e.start_step_id, coalesce(e.changed_sender_user_id, e.sender_user_id) AS sender_user_id,
  e.requested_at, e.requested_by_user, e.expires_at, e.execute_by, e.expected_at, e.pending_end, e.created_at, e.updated_at,
  e.membership_id, m.salesloft_membership_id, m.salesloft_state, m.current_step, m.added_at, m.currently_on_cadence,
  (SELECT min(f.added_at) FROM salesloft_memberships f
   WHERE f.organization_id = e.organization_id AND f.salesloft_membership_id = m.salesloft_membership_id AND f.enrollment_id = e.id) AS first_added_at,
  (SELECT json_agg(json_build_object('action', s.action, 'at', s.asked_at, 'to_step_id', s.step_id, 'from_step_id', (
     SELECT f.step_id FROM salesloft_memberships f
     WHERE f.organization_id = e.organization_id AND f.salesloft_membership_id = m.salesloft_membership_id AND f.added_at <= s.asked_at
     ORDER BY f.added_at DESC LIMIT 1)) ORDER BY s.asked_at, s.id)
   FROM steerings s WHERE s.enrollment_id = e.id AND s.action IN ('skip', 'restart'))::text AS moves,
  p.asked_by AS paused_by, p.asked_until AS paused_until, p.refusal AS pause_refusal,
  (SELECT s.place FROM jsonb_array_elements(c.steps) WITH ORDINALITY AS s (step, place)
   WHERE (s.step ->> 'id')::bigint = coalesce(p.to_step_id, p.step_id) LIMIT 1)::integer AS paused_at_step,
  CASE WHEN p.moved_by IS NULL THEN NULL WHEN p.to_step_id IS NOT NULL THEN 'restart' WHEN p.skips > 0 THEN 'skip'
    ELSE 'change_sender' END AS moving,
  CASE WHEN e.state NOT IN ('rejected', 'expired', 'withdrawn', 'blocked', 'completed', 'removed', 'exited')
      AND (e.is_upsell OR p.enrollment_id IS NOT NULL
           OR (SELECT count(*) > 0 FROM stops s WHERE s.organization_id = :organization_id AND s.started_at IS NULL))
    THEN enrollment_held(e, :now) END AS held,
  e.request #>> '{stakeholder,name}' AS stakeholder_name, e.request #>> '{customer,name}' AS customer_name,
  e.request #>> '{action,cadence,purpose}' AS purpose, w.last_error
FROM (
  SELECT n.id FROM enrollments n
  WHERE n.organization_id = :organization_id
    AND (:id::uuid IS NULL OR n.id = :id)
    AND (:customer_id::text IS NULL OR n.customer_id = :customer_id)
    AND (:stakeholder_id::text IS NULL OR n.stakeholder_id = :stakeholder_id)
    AND (:cadence_id::bigint IS NULL OR n.cadence_id = :cadence_id)
    AND (:trigger_type::text IS NULL OR n.trigger_type = :trigger_type)
    AND (:states::text[] IS NULL OR n.state = ANY (:states::text[]))
    AND (:by_hand::boolean IS NULL OR (n.trigger_type IS NULL) = :by_hand)
    AND (:reason::text IS NULL OR n.reason = :reason)
    AND (:without_reason::boolean IS NULL OR (n.reason IS NULL) = :without_reason)
    AND (:since::timestamptz IS NULL OR n.created_at >= :since)
    AND (:segment::text IS NULL OR n.customer_id = ANY (ARRAY(
      SELECT o.customer_id FROM directory_customers o WHERE o.organization_id = :organization_id AND o.segment = :segment)))
    AND (:owner_user_id::text IS NULL OR n.customer_id = ANY (ARRAY(
      SELECT o.customer_id FROM directory_customers o WHERE o.organization_id = :organization_id AND o.owner_user_id = :owner_user_id)))
    AND (:before_id::uuid IS NULL OR n.id < :before_id)
  ORDER BY n.id DESC LIMIT :at_most
) AS picked
JOIN enrollments e ON e.id = picked.id
LEFT JOIN salesloft_cadences c ON c.organization_id = e.organization_id AND c.cadence_id = e.cadence_id
LEFT JOIN salesloft_memberships m ON m.id = e.membership_id
LEFT JOIN pauses p ON p.enrollment_id = e.id
LEFT JOIN LATERAL (
  SELECT k.last_error FROM commands k WHERE k.enrollment_id = e.id AND k.last_error IS NOT NULL ORDER BY k.position DESC LIMIT 1
) AS w ON true
ORDER BY e.id DESC

-- name: look_at_ended
-- Of some stakeholders, what each was on last and is on no more.
SELECT a.stakeholder_id, w.id, w.state, w.reason, w.cadence_id, coalesce(c.name, w.cadence_name) AS cadence_name, w.updated_at
FROM unnest(:stakeholder_ids::text[]) AS a (stakeholder_id)
CROSS JOIN LATERAL (
  SELECT e.id, e.state, e.reason, e.cadence_id, e.request #>> '{action,cadence,name}' AS cadence_name, e.updated_at
  FROM enrollments e
  WHERE e.organization_id = :organization_id AND e.stakeholder_id = a.stakeholder_id AND e.membership_id IS NOT NULL
    AND e.state IN ('completed', 'removed', 'exited')
  ORDER BY e.updated_at DESC LIMIT 1
) AS w
LEFT JOIN salesloft_cadences c ON c.organization_id = :organization_id AND c.cadence_id = w.cadence_id

-- name: count_waiting$
-- How many of an organization's requests nobody has answered, so many at most.
SELECT count(*)::integer FROM (
  SELECT FROM enrollments WHERE organization_id = :organization_id AND state = 'requested' LIMIT :at_most
) AS waiting

-- name: count_waiting_but_of$
-- The same without those that one user asked for. Those that wait are found first, by the index that has the organization in front: asked
-- for together with who asked, they would be sought among everybody's.
SELECT count(*)::integer FROM (
  SELECT FROM (
    SELECT id FROM enrollments WHERE organization_id = :organization_id AND state = 'requested' ORDER BY expires_at, id OFFSET 0
  ) AS w JOIN enrollments e ON e.id = w.id
  WHERE e.requested_by_user IS DISTINCT FROM :but_of LIMIT :at_most
) AS waiting

-- name: count_waiting_of_owner$
-- How many requests about one owner's customers nobody has answered, so many at most; but those of one user where one is named.
SELECT count(*)::integer FROM (
  SELECT FROM enrollments e
  WHERE e.organization_id = :organization_id AND e.state = 'requested'
    AND (:but_of::text IS NULL OR e.requested_by_user IS DISTINCT FROM :but_of)
    AND e.customer_id = ANY (ARRAY(
      SELECT o.customer_id FROM directory_customers o WHERE o.organization_id = :organization_id AND o.owner_user_id = :owner_user_id))
  LIMIT :at_most
) AS waiting

-- name: look_at_requests
-- An organization's requests as they were published, those that expire first in front: of some enrollments, or those that nobody has
-- answered; what became of each, and what else whoever decides has to know.
SELECT e.id, e.customer_id, e.stakeholder_id, e.state, e.reason, e.requested_at, e.requested_by_user, e.expires_at, e.execute_by,
  e.request_digest, e.request::text AS request, e.decision::text AS decision, e.updated_at, a.note, c.owner_user_id,
  s.data ->> 'time_zone' AS stakeholder_zone,
  (SELECT max(r.ended_at) FROM ended_runs r
   WHERE r.organization_id = e.organization_id AND r.customer_id = e.customer_id AND r.outcome_type = 'churned') AS churned_at
FROM (
  SELECT * FROM enrollments n
  WHERE n.organization_id = :organization_id
    AND (:ids::uuid[] IS NULL OR n.id = ANY (:ids::uuid[]))
    AND (:waiting::boolean IS NULL OR n.state = 'requested')
    AND (:customer_id::text IS NULL OR n.customer_id = :customer_id)
    AND (:after_at::timestamptz IS NULL OR (n.expires_at, n.id) > (:after_at, :after_id::uuid))
  ORDER BY n.expires_at, n.id LIMIT :at_most
) AS e
LEFT JOIN additions a ON a.organization_id = e.organization_id AND a.enrollment_id = e.id
LEFT JOIN directory_customers c ON c.organization_id = e.organization_id AND c.customer_id = e.customer_id
LEFT JOIN directory_stakeholders s ON s.organization_id = e.organization_id AND s.stakeholder_id = e.stakeholder_id
ORDER BY e.expires_at, e.id

-- name: look_at_decisions_on
-- Every decision of an approver's that ever arrived for an enrollment, oldest first.
SELECT verdict, request_digest, decided_by, decided_at, received_at, ignored_because
FROM approval_decisions WHERE organization_id = :organization_id AND enrollment_id = :enrollment_id
ORDER BY received_at, event_id

-- name: look_at_history
-- An enrollment's states, oldest first.
SELECT sequence, from_state, to_state, reason, actor_kind, actor_user_id, changed_at
FROM enrollment_history WHERE organization_id = :organization_id AND enrollment_id = :enrollment_id
ORDER BY sequence

-- name: look_at_evaluations
-- An organization's evaluations of an event, some customers or a stakeholder, or what several of them share; the newest first.
SELECT v.id, v.organization_id, v.customer_id, v.cause, v.event_id, v.event_type, v.business_key, v.decision_version, v.evaluated_at, v.facts, v.outcomes, v.digest
FROM evaluations v
WHERE v.organization_id = :organization_id
  AND (:event_id::text IS NULL OR v.event_id = :event_id)
  AND (:customer_ids::text[] IS NULL OR v.customer_id = ANY (:customer_ids::text[]))
  AND (:stakeholder_id::text IS NULL OR v.outcomes::jsonb @> jsonb_build_array(jsonb_build_object('stakeholder_id', :stakeholder_id::text)))
  AND (:before_at::timestamptz IS NULL OR (v.evaluated_at, v.id) < (:before_at, :before_id::uuid))
ORDER BY v.evaluated_at DESC, v.id DESC
LIMIT :at_most

-- name: look_at_outcomes
-- What the latest evaluations of a customer, or of a stakeholder whatever their customer, came to; the newest first. What they rested on is
-- left out: it is many times as much. Each customer's are found first, by the index that orders them.
SELECT v.*
FROM (
  SELECT :customer_id::text AS customer_id
  UNION SELECT s.customer_id FROM directory_stakeholders s
  WHERE :customer_id::text IS NULL AND s.organization_id = :organization_id AND s.stakeholder_id = :stakeholder_id
  UNION SELECT e.customer_id FROM enrollments e
  WHERE :customer_id::text IS NULL AND e.organization_id = :organization_id AND e.stakeholder_id = :stakeholder_id
) AS k
CROSS JOIN LATERAL (
  SELECT v.id, v.event_id, v.event_type, v.evaluated_at, v.outcomes FROM evaluations v
  WHERE v.organization_id = :organization_id AND v.customer_id = k.customer_id
    AND (:stakeholder_id::text IS NULL OR v.outcomes::jsonb @> jsonb_build_array(jsonb_build_object('stakeholder_id', :stakeholder_id::text)))
  ORDER BY v.evaluated_at DESC, v.id DESC LIMIT :at_most
) AS v
ORDER BY v.evaluated_at DESC, v.id DESC LIMIT :at_most

-- name: look_at_customers_of
-- Whose a stakeholder is, or was when they were asked for: evaluations are found by their customers.
SELECT customer_id FROM directory_stakeholders WHERE organization_id = :organization_id AND stakeholder_id = :stakeholder_id
UNION SELECT customer_id FROM enrollments WHERE organization_id = :organization_id AND stakeholder_id = :stakeholder_id

-- name: look_at_memberships
-- An organization's stays on cadences, the latest added first, made by us or by hand. A customer's stakeholders are found first: as a set to look
-- each stay up in, they would have every stay of the organization read.
SELECT m.id, m.stakeholder_id, m.salesloft_person_id, m.cadence_id, coalesce(c.name, m.cadence_name) AS cadence_name, m.status, m.current_step,
  m.step_id, jsonb_array_length(c.steps) AS steps, m.added_at, m.completed_at, m.salesloft_membership_id, m.salesloft_state,
  m.currently_on_cadence, m.salesloft_user_id, m.enrollment_id, m.salesloft_updated_at, s.customer_id
FROM salesloft_memberships m
LEFT JOIN salesloft_cadences c ON c.organization_id = m.organization_id AND c.cadence_id = m.cadence_id
LEFT JOIN directory_stakeholders s ON s.organization_id = m.organization_id AND s.stakeholder_id = m.stakeholder_id
WHERE m.organization_id = :organization_id
  AND (:id::uuid IS NULL OR m.id = :id)
  AND (:stakeholder_id::text IS NULL OR m.stakeholder_id = :stakeholder_id)
  AND (:customer_id::text IS NULL OR m.stakeholder_id = ANY (ARRAY(
    SELECT d.stakeholder_id FROM directory_stakeholders d WHERE d.organization_id = :organization_id AND d.customer_id = :customer_id)))
  AND (:cadence_id::bigint IS NULL OR m.cadence_id = :cadence_id)
  AND (:status::text IS NULL OR m.status = :status)
  AND (:on_cadence::boolean IS NULL OR m.currently_on_cadence = :on_cadence)
  AND (:before_at::timestamptz IS NULL OR (m.added_at, m.id) < (:before_at, :before_id::uuid))
ORDER BY m.added_at DESC, m.id DESC LIMIT :at_most

-- name: look_at_activity
-- What was seen of some stakeholders, the latest first; of each no more than is asked for, by the index that orders it.
SELECT u.*, c.name AS cadence_name
FROM unnest(:stakeholder_ids::text[]) AS asked (stakeholder_id)
CROSS JOIN LATERAL (
  SELECT a.event_id, a.stakeholder_id, a.enrollment_id, a.source, a.source_id, a.metric, a.ordinal, a.cadence_id, a.step_id, a.occurred_from,
    a.occurred_to, a.noticed_at, a.confidence
  FROM activity_units a
  WHERE a.organization_id = :organization_id AND a.stakeholder_id = asked.stakeholder_id
    AND (:metrics::text[] IS NULL OR a.metric = ANY (:metrics::text[]))
    AND (:cadence_id::bigint IS NULL OR a.cadence_id = :cadence_id)
    AND (:since::timestamptz IS NULL OR a.occurred_to >= :since)
    AND (:until::timestamptz IS NULL OR a.occurred_to < :until)
    AND (:before_at::timestamptz IS NULL OR (a.occurred_to, a.event_id) < (:before_at, :before_id::uuid))
  ORDER BY a.occurred_to DESC, a.event_id DESC LIMIT :at_most
) AS u
LEFT JOIN salesloft_cadences c ON c.organization_id = :organization_id AND c.cadence_id = u.cadence_id
ORDER BY u.occurred_to DESC, u.event_id DESC LIMIT :at_most

-- name: look_at_people
-- Some stakeholders in their order: what the directory says of them and their customer, which person of Salesloft's each is and whether
-- they may be written to, their engagement as it stands, and the organization's time zone.
SELECT a.stakeholder_id, s.customer_id, s.data, s.erased_at IS NOT NULL AS erased,
  coalesce(has_left(s), false) AS "left",
  c.name AS customer_name, c.owner_user_id,
  (SELECT o.time_zone FROM organizations o WHERE o.organization_id = :organization_id) AS organization_zone,
  l.person_id, l.linked_by, l.linked_at, p.do_not_contact, p.contact_restrictions, p.bouncing, p.deleted, p.read_at,
  g.data AS engagement, g.tallies
FROM unnest(:stakeholder_ids::text[]) WITH ORDINALITY AS a (stakeholder_id, place)
LEFT JOIN directory_stakeholders s ON s.organization_id = :organization_id AND s.stakeholder_id = a.stakeholder_id
LEFT JOIN directory_customers c ON c.organization_id = :organization_id AND c.customer_id = s.customer_id
LEFT JOIN stakeholder_people l ON l.organization_id = :organization_id AND l.stakeholder_id = a.stakeholder_id
LEFT JOIN salesloft_people p ON p.organization_id = :organization_id AND p.person_id = l.person_id
LEFT JOIN engagements g ON g.organization_id = :organization_id AND g.stakeholder_id = a.stakeholder_id
ORDER BY a.place

-- name: look_at_people_of
-- The stakeholders whose customer this is, or was when somebody was asked for.
SELECT stakeholder_id FROM directory_stakeholders WHERE organization_id = :organization_id AND customer_id = :customer_id
UNION SELECT stakeholder_id FROM enrollments WHERE organization_id = :organization_id AND customer_id = :customer_id
ORDER BY 1 LIMIT :at_most

-- name: is_stakeholder_known$
-- Whether an organization has, or had, this stakeholder.
SELECT EXISTS (SELECT FROM directory_stakeholders WHERE organization_id = :organization_id AND stakeholder_id = :stakeholder_id)
  OR EXISTS (SELECT FROM enrollments WHERE organization_id = :organization_id AND stakeholder_id = :stakeholder_id)

-- name: is_customer_known$
-- Whether an organization has, or had, this customer.
SELECT EXISTS (SELECT FROM directory_customers WHERE organization_id = :organization_id AND customer_id = :customer_id)

-- name: look_at_connection
-- How an organization is connected, without what it is connected by.
SELECT c.team_id, c.team_name, c.status, c.status_reason, c.status_since, c.credential_kind, c.expires_at, c.scopes, c.connected_at, c.connected_by,
  w.ensured_at AS webhooks_ensured_at, k.read_at AS cadences_read_at
FROM salesloft_connections c
LEFT JOIN salesloft_webhooks w USING (organization_id)
LEFT JOIN salesloft_catalogues k USING (organization_id)
WHERE c.organization_id = :organization_id

-- name: look_at_streams
-- Where the reading of an organization's streams stands.
SELECT s.stream, s.cycle, s.cycle_started_at, s.cycle_ended_at, s.next_cycle_at, s.position_at, s.failures, s.read_again_since,
  s.holder IS NOT NULL AND s.leased_until > clock_timestamp() AS is_held,
  l.scanned, l.emitted, l.deduplicated, l.out_of_scope, l.fallen, l.owed
FROM sync_streams s LEFT JOIN sync_ledger l USING (organization_id, stream, cycle)
WHERE s.organization_id = :organization_id ORDER BY s.stream

-- name: look_at_ledger
-- What an organization's cycles came to, the latest first.
SELECT l.stream, l.cycle, l.started_at, l.ended_at, l.watermark, l.scanned, l.emitted, l.deduplicated, l.out_of_scope, l.fallen, l.owed
FROM sync_ledger l
WHERE l.organization_id = :organization_id AND (:stream::text IS NULL OR l.stream = :stream)
  AND (:before_at::timestamptz IS NULL OR (l.started_at, l.stream, l.cycle) < (:before_at, :before_stream::text, :before_cycle::bigint))
ORDER BY l.started_at DESC, l.stream DESC, l.cycle DESC LIMIT :at_most

-- name: look_at_freshness
-- How an organization's connection stands, nothing where it never had one, and when whole readings of its streams last ended: a row each,
-- or one without a stream.
SELECT c.status, s.stream, s.cycle_ended_at
FROM (SELECT (SELECT status FROM salesloft_connections WHERE organization_id = :organization_id) AS status) AS c
LEFT JOIN sync_streams s ON s.organization_id = :organization_id
