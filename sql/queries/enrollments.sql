-- name: read_runs
-- How the runs of some stakeholders stand, whichever customer's they were then; of a run that released its place the newest counts.
SELECT e.organization_id, e.stakeholder_id, e.trigger_type, e.exclusivity_group, e.business_key, e.state, e.cadence_id
FROM unnest(:stakeholders::subject_key[]) AS s (organization_id, stakeholder_id)
JOIN enrollments e USING (organization_id, stakeholder_id)
WHERE e.state NOT IN ('expired', 'withdrawn')

-- name: read_ended_runs
-- What outcomes have ended of some customers.
SELECT r.organization_id, r.customer_id, r.event_id, r.outcome_type, r.trigger_type, r.business_key, r.stakeholder_id, r.ended_at
FROM unnest(:customers::subject_key[]) AS c (organization_id, customer_id)
JOIN ended_runs r USING (organization_id, customer_id)

-- name: read_churned
-- Which of some customers have churned by an outcome, and when last.
SELECT r.organization_id, r.customer_id, max(r.ended_at) AS churned_at
FROM unnest(:customers::subject_key[]) AS c (organization_id, customer_id)
JOIN ended_runs r USING (organization_id, customer_id)
WHERE r.outcome_type = 'churned'
GROUP BY r.organization_id, r.customer_id

-- name: read_episodes
-- The risk episodes of some customers, which hold or have held what is less urgent.
SELECT r.organization_id, r.customer_id, r.holds_until, r.ended_at
FROM unnest(:customers::subject_key[]) AS c (organization_id, customer_id)
JOIN risk_episodes r USING (organization_id, customer_id)

-- name: open_episodes!
-- Note that customers are at risk. One that ended stays ended, and a later word of the same episode prolongs nothing; one whose
-- end was heard of first is over from the start.
INSERT INTO risk_episodes (organization_id, customer_id, episode_id, opened_at, holds_until, ended_at)
SELECT DISTINCT ON (1, 2, 3) e.organization_id, e.customer_id, e.episode_id, e.opened_at, e.holds_until, (
  SELECT min(r.ended_at) FROM ended_runs r
  WHERE r.organization_id = e.organization_id AND r.customer_id = e.customer_id AND r.stakeholder_id IS NULL
    AND (r.trigger_type IS NULL OR r.trigger_type = 'at-risk')
    AND (r.business_key = e.episode_id OR (r.business_key IS NULL AND r.ended_at >= e.opened_at)))
FROM unnest(:organization_ids::text[], :customer_ids::text[], :episode_ids::text[], :opened_at::timestamptz[], :holds_until::timestamptz[])
     AS e (organization_id, customer_id, episode_id, opened_at, holds_until)
ORDER BY 1, 2, 3, 4
ON CONFLICT DO NOTHING

-- name: end_episodes!
-- The risk of these customers is over: of one episode, or of all that opened until then where none is named.
UPDATE risk_episodes r SET ended_at = e.ended_at
FROM unnest(:organization_ids::text[], :customer_ids::text[], :episode_ids::text[], :ended_at::timestamptz[])
     AS e (organization_id, customer_id, episode_id, ended_at)
WHERE r.organization_id = e.organization_id AND r.customer_id = e.customer_id AND r.ended_at IS NULL
  AND (r.episode_id = e.episode_id OR (e.episode_id IS NULL AND r.opened_at <= e.ended_at))

-- name: add_ended_runs!
-- Keep what outcomes end, also where nothing is open yet.
INSERT INTO ended_runs (organization_id, customer_id, event_id, outcome_type, trigger_type, business_key, stakeholder_id, ended_at)
SELECT r.organization_id, r.customer_id, r.event_id, r.outcome_type, r.trigger_type, r.business_key, r.stakeholder_id, r.ended_at
FROM unnest(:organization_ids::text[], :customer_ids::text[], :event_ids::text[], :outcome_types::text[], :trigger_types::text[],
            :business_keys::text[], :stakeholder_ids::text[], :ended_at::timestamptz[])
     AS r (organization_id, customer_id, event_id, outcome_type, trigger_type, business_key, stakeholder_id, ended_at)
ON CONFLICT DO NOTHING

-- name: add_evaluations!
-- Store what was decided, on which facts, at which instant.
INSERT INTO evaluations (id, organization_id, customer_id, cause, event_id, event_type, business_key, correlation_id, decision_version, evaluated_at, facts, outcomes, digest)
SELECT v.id, v.organization_id, v.customer_id, v.cause, v.event_id, v.event_type, v.business_key, v.correlation_id, v.decision_version, :evaluated_at, v.facts::json, v.outcomes::json, v.digest
FROM unnest(:evaluations::new_evaluation[]) AS v

-- name: read_evaluated_trigger$
-- The trigger that an evaluation decided.
SELECT (facts -> 'event' -> 'trigger')::text FROM evaluations WHERE evaluated_at = :evaluated_at AND id = :id

-- name: put_deferrals!
-- Keep triggers that a late fact may still turn, each until its window ends.
INSERT INTO deferrals (organization_id, customer_id, event_id, event_source, event_type, event_time, business_key, correlation_id, data, stakeholder_ids, reasons, deferred_until, wake_at, decision_version, created_at)
SELECT d.organization_id, d.customer_id, d.event_id, d.event_source, d.event_type, d.event_time, d.business_key, d.correlation_id, d.data,
       ARRAY(SELECT json_array_elements_text(d.stakeholder_ids::json)), string_to_array(d.reasons, ','), d.deferred_until, d.wake_at, d.decision_version, :now
FROM unnest(:organization_ids::text[], :customer_ids::text[], :event_ids::text[], :event_sources::text[], :event_types::text[],
            :event_times::timestamptz[], :business_keys::text[], :correlation_ids::text[], :data::bytea[], :stakeholder_ids::text[], :reasons::text[],
            :deferred_until::timestamptz[], :wake_at::timestamptz[], :decision_versions::bigint[])
     AS d (organization_id, customer_id, event_id, event_source, event_type, event_time, business_key, correlation_id, data, stakeholder_ids, reasons, deferred_until, wake_at, decision_version)
ON CONFLICT (organization_id, customer_id, event_source, event_id) DO UPDATE SET
  reasons = excluded.reasons, wake_at = excluded.wake_at, deferred_until = excluded.deferred_until,
  decision_version = excluded.decision_version

-- name: put_off_deferrals!
-- Look at a customer's deferrals again then, as if they were decided under what counts now.
UPDATE deferrals d SET wake_at = :until, decision_version = o.decision_version
FROM organizations o
WHERE o.organization_id = d.organization_id AND d.organization_id = :organization_id AND d.customer_id = :customer_id

-- name: close_deferrals!
-- These need not be decided again.
DELETE FROM deferrals d
USING unnest(:organization_ids::text[], :customer_ids::text[], :event_sources::text[], :event_ids::text[])
      AS c (organization_id, customer_id, event_source, event_id)
WHERE d.organization_id = c.organization_id AND d.customer_id = c.customer_id AND d.event_source = c.event_source AND d.event_id = c.event_id

-- name: read_deferrals_of_customers
-- The deferred triggers of some customers, oldest first.
SELECT d.organization_id, d.customer_id, d.event_id, d.event_source, d.event_type, d.event_time, d.business_key, d.correlation_id, d.data, d.stakeholder_ids, d.reasons, d.deferred_until, d.wake_at, d.decision_version
FROM (SELECT DISTINCT * FROM unnest(:customers::subject_key[])) AS c (organization_id, customer_id)
JOIN deferrals d USING (organization_id, customer_id)
ORDER BY d.event_time, d.event_id

-- name: customers_to_decide_again
-- Customers with a deferral whose time has come, or whose organization has moved on since it was decided. Whoever moves it need
-- not see the deferral, nor the decider the move: what counts are the two numbers once both are committed. Read without a lock:
-- whoever decides locks the customer first and reads again.
SELECT DISTINCT organization_id, customer_id FROM (
  SELECT organization_id, customer_id FROM deferrals WHERE wake_at <= :now
  UNION ALL
  SELECT d.organization_id, d.customer_id FROM organizations o
  JOIN deferrals d ON d.organization_id = o.organization_id AND d.decision_version < o.decision_version
) AS due LIMIT :limit

-- name: add_enrollments!
-- Store new enrollments in state requested, each with the first row of its history.
WITH added AS (
  INSERT INTO enrollments (id, organization_id, customer_id, stakeholder_id, state, sequence, trigger_type, exclusivity_group, business_key,
    event_id, event_time, evaluation_id, correlation_id, mapping_id, mapping_version, cadence_id, request, request_digest, requested_at,
    expires_at, execute_by, start_on, start_step_id, sender_user_id, is_upsell, team_id, created_at, updated_at)
  SELECT e.id, e.organization_id, e.customer_id, e.stakeholder_id, 'requested', 1, e.trigger_type, e.exclusivity_group, e.business_key,
    e.event_id, e.event_time, e.evaluation_id, e.correlation_id, e.mapping_id, e.mapping_version, e.cadence_id, e.request::json,
    e.request_digest, :now, e.expires_at, e.execute_by, e.start_on, e.start_step_id, e.sender_user_id,
    e.trigger_type = 'expansion-signal', t.team_id, :now, :now
  FROM unnest(:enrollments::new_enrollment[]) AS e
  JOIN unnest(:organization_ids::text[], :team_ids::bigint[]) AS t (organization_id, team_id) USING (organization_id)
  RETURNING id, organization_id
)
INSERT INTO enrollment_history (enrollment_id, sequence, organization_id, to_state, actor_kind, changed_at)
SELECT id, 1, organization_id, 'requested', :actor_kind, :now FROM added

-- name: add_history!
-- One row per change of state.
INSERT INTO enrollment_history (enrollment_id, sequence, organization_id, from_state, to_state, reason, actor_kind, actor_user_id, changed_at, detail)
SELECT h.enrollment_id, h.sequence, h.organization_id, h.from_state, h.to_state, h.reason, h.actor_kind, h.actor_user_id, :changed_at, h.detail::json
FROM unnest(:enrollment_ids::uuid[], :sequences::integer[], :organization_ids::text[], :from_states::text[], :to_states::text[], :reasons::text[],
            :actor_kinds::text[], :actor_user_ids::text[], :details::text[])
     AS h (enrollment_id, sequence, organization_id, from_state, to_state, reason, actor_kind, actor_user_id, detail)

-- name: read_enrollments
-- Some enrollments, locked until the commit.
SELECT e.*, c.name AS cadence_name, m.purpose
FROM enrollments e
LEFT JOIN salesloft_cadences c ON c.organization_id = e.organization_id AND c.cadence_id = e.cadence_id
LEFT JOIN salesloft_cadence_mappings m ON m.id = e.mapping_id AND m.version = e.mapping_version
WHERE e.id = ANY (:ids::uuid[])
ORDER BY e.id
FOR UPDATE OF e

-- name: show_enrollments
-- Some of an organization's enrollments as they stand; nothing is locked.
SELECT e.*, c.name AS cadence_name, m.purpose
FROM enrollments e
LEFT JOIN salesloft_cadences c ON c.organization_id = e.organization_id AND c.cadence_id = e.cadence_id
LEFT JOIN salesloft_cadence_mappings m ON m.id = e.mapping_id AND m.version = e.mapping_version
WHERE e.organization_id = :organization_id AND e.id = ANY (:ids::uuid[])

-- name: read_open_enrollments_of_customers
-- Enrollments of some customers that are not over, locked until the commit.
SELECT e.*, c.name AS cadence_name, m.purpose
FROM (SELECT DISTINCT * FROM unnest(:customers::subject_key[])) AS asked (organization_id, customer_id)
JOIN enrollments e USING (organization_id, customer_id)
LEFT JOIN salesloft_cadences c ON c.organization_id = e.organization_id AND c.cadence_id = e.cadence_id
LEFT JOIN salesloft_cadence_mappings m ON m.id = e.mapping_id AND m.version = e.mapping_version
WHERE e.state NOT IN ('rejected', 'expired', 'withdrawn', 'blocked', 'completed', 'removed', 'exited')
ORDER BY e.id
FOR UPDATE OF e

-- name: is_run_used$
-- Whether an enrollment's run is used up by another one in some group.
SELECT EXISTS (
  SELECT FROM enrollments e JOIN enrollments other USING (organization_id, stakeholder_id, trigger_type, business_key)
  WHERE e.id = :enrollment_id AND other.id <> e.id AND other.exclusivity_group = :exclusivity_group
    AND other.state NOT IN ('expired', 'withdrawn'))

-- name: customers_of_enrollments
-- Whose enrollments some stakeholders had, and which other customers' they were themselves: what was done before somebody moved is the
-- former customer's.
SELECT n.organization_id, n.customer_id
FROM unnest(:stakeholders::subject_key[]) AS e (organization_id, stakeholder_id)
JOIN enrollments n USING (organization_id, stakeholder_id)
UNION
SELECT s.organization_id, former.customer_id
FROM unnest(:stakeholders::subject_key[]) AS e (organization_id, stakeholder_id)
JOIN directory_stakeholders s USING (organization_id, stakeholder_id)
CROSS JOIN unnest(s.former_customer_ids) AS former (customer_id)

-- name: move_enrollments!
-- Enrollments change state.
UPDATE enrollments e SET
  state = m.state, sequence = m.sequence, reason = m.reason, expected_at = m.expected_at, updated_at = :now,
  claimed_at = CASE WHEN e.state = 'scheduled' AND m.state = 'enrolling' THEN :now ELSE e.claimed_at END,
  pending_end = CASE WHEN m.state IN ('enrolling', 'unknown') THEN e.pending_end END
FROM unnest(:ids::uuid[], :states::text[], :sequences::integer[], :reasons::text[], :expected_at::timestamptz[])
     AS m (id, state, sequence, reason, expected_at)
WHERE e.id = m.id

-- name: keep_ends!
-- An end came while a call is open: it is carried out once the call is settled. The first one stays.
UPDATE enrollments e SET pending_end = coalesce(e.pending_end, k.reason), updated_at = :now
FROM unnest(:ids::uuid[], :reasons::text[]) AS k (id, reason) WHERE e.id = k.id

-- name: record_decisions!
-- What the decision that counted makes of the request.
UPDATE enrollments e SET decision = d.decision::json, start_on = d.start_on, start_step_id = d.start_step_id, sender_user_id = d.sender_user_id
FROM unnest(:ids::uuid[], :decisions::text[], :start_on::date[], :start_step_ids::bigint[], :sender_user_ids::bigint[])
     AS d (id, decision, start_on, start_step_id, sender_user_id)
WHERE e.id = d.id

-- name: record_request!
-- Ask again: the enrollment carries a new request.
UPDATE enrollments SET request = :request::text::json, request_digest = :request_digest, requested_at = :requested_at, expires_at = :expires_at,
  execute_by = :execute_by, start_on = :start_on, start_step_id = :start_step_id, sender_user_id = :sender_user_id, cadence_id = :cadence_id,
  mapping_version = :mapping_version, mapping_id = :mapping_id, exclusivity_group = :exclusivity_group, team_id = :team_id, decision = NULL
WHERE id = :id

-- name: add_decisions!
-- Keep every decision that arrived, and why some did not count.
INSERT INTO approval_decisions (organization_id, enrollment_id, event_id, event_source, verdict, request_digest, decided_by, decided_at, received_at, ignored_because)
SELECT d.organization_id, d.enrollment_id, d.event_id, d.event_source, d.verdict, d.request_digest, d.decided_by, d.decided_at, :now, d.ignored_because
FROM unnest(:organization_ids::text[], :enrollment_ids::uuid[], :event_ids::text[], :event_sources::text[], :verdicts::text[],
            :request_digests::text[], :decided_by::text[], :decided_at::timestamptz[], :ignored_because::text[])
     AS d (organization_id, enrollment_id, event_id, event_source, verdict, request_digest, decided_by, decided_at, ignored_because)
ON CONFLICT DO NOTHING

-- name: expirable_enrollments
-- Requests whose decisions can no longer come: everything that the decisions' topic held at their expiry has been read.
SELECT e.organization_id, e.customer_id, e.id FROM enrollments e
WHERE e.state = 'requested'
  AND e.expires_at < (SELECT CASE WHEN count(*) >= :partitions THEN min(read_through) END FROM consumer_progress WHERE topic = :topic)
ORDER BY e.expires_at LIMIT :limit
