-- name: read_timeline
-- What has happened to a customer's stakeholders, or to one of them, the newest first: what asked for each enrollment, its states, what
-- approvers and others said, what was tried at Salesloft, its stays on the cadence, and what the person did. What has changed since it
-- was asked is told with the latest request, which is the one that is kept.
WITH asked_about AS (
  SELECT s.stakeholder_id FROM directory_stakeholders s
  WHERE s.organization_id = :organization_id
    AND (:customer_id::text IS NULL OR s.customer_id = :customer_id) AND (:stakeholder_id::text IS NULL OR s.stakeholder_id = :stakeholder_id)
  UNION
  SELECT e.stakeholder_id FROM enrollments e
  WHERE e.organization_id = :organization_id
    AND (:customer_id::text IS NULL OR e.customer_id = :customer_id) AND (:stakeholder_id::text IS NULL OR e.stakeholder_id = :stakeholder_id)
), people AS (
  SELECT a.stakeholder_id, s.name FROM asked_about a
  LEFT JOIN directory_stakeholders s ON s.organization_id = :organization_id AND s.stakeholder_id = a.stakeholder_id
), runs AS (
  SELECT e.*, people.name FROM enrollments e JOIN people USING (stakeholder_id)
  WHERE e.organization_id = :organization_id AND (:customer_id::text IS NULL OR e.customer_id = :customer_id)
)
SELECT t.at, t.place, t.ordinal, t.source, t.kind, t.stakeholder_id, t.enrollment_id, t.what, t.who, t.why, t.detail::text AS detail_json,
  t.stakeholder_name, coalesce(t.cadence_id, e.cadence_id) AS cadence_id,
  coalesce(c.name, e.request #>> '{action,cadence,name}') AS cadence_name,
  p.step ->> 'name' AS step_name, p.step ->> 'type' AS step_type, p.place::integer AS step,
  t.sender_user_id, coalesce(u.name, u.email) AS sender_name
FROM (
SELECT at, place, ordinal, source, kind, stakeholder_id, stakeholder_name, enrollment_id, what, who, why, cadence_id, step_id, sender_user_id, detail
FROM (
  SELECT coalesce(r.event_time, r.created_at) AS at, 1 AS place, 0 AS ordinal, r.id::text AS source, 'trigger' AS kind, r.stakeholder_id,
    r.name AS stakeholder_name, r.id AS enrollment_id, coalesce(r.trigger_type, 'added by a person') AS what, r.requested_by_user AS who, a.note AS why,
    r.cadence_id, NULL::bigint AS step_id, NULL::bigint AS sender_user_id,
    json_build_object('event_id', r.event_id, 'business_key', r.business_key, 'mapping_id', r.mapping_id,
                      'mapping_version', r.mapping_version, 'cadence_id', r.cadence_id, 'evaluation_id', r.evaluation_id) AS detail
  FROM runs r LEFT JOIN additions a ON a.enrollment_id = r.id
  UNION ALL
  SELECT h.changed_at, 3, h.sequence, r.id::text, 'state', r.stakeholder_id, r.name, r.id, h.to_state, h.actor_user_id, h.reason, NULL, NULL, NULL,
    CASE WHEN h.from_state = 'stale' AND h.to_state = 'requested' AND h.changed_at = r.requested_at
      THEN json_build_object('from', h.from_state, 'actor', h.actor_kind, 'changed_since', r.request -> 'changed_since',
                             'action', r.request -> 'action', 'why', r.request -> 'why')
      ELSE json_build_object('from', h.from_state, 'actor', h.actor_kind) END
  FROM runs r JOIN enrollment_history h ON h.enrollment_id = r.id
  UNION ALL
  SELECT d.received_at, 2, 0, d.event_source || ' ' || d.event_id, 'decision', r.stakeholder_id, r.name, r.id, d.verdict, d.decided_by, d.ignored_because,
    NULL, c.step_id, c.sender_user_id,
    CASE WHEN c.counted THEN json_strip_nulls(json_build_object(
      'said', r.decision ->> 'reason', 'start_date', r.decision #>> '{changes,start_date}', 'step_id', c.step_id, 'sender_user_id', c.sender_user_id)) END
  FROM runs r JOIN approval_decisions d ON d.organization_id = r.organization_id AND d.enrollment_id = r.id
  LEFT JOIN LATERAL (
    SELECT true AS counted, (r.decision #>> '{changes,start_step_id}')::bigint AS step_id,
      (r.decision #>> '{changes,sender_user_id}')::bigint AS sender_user_id
    WHERE d.ignored_because IS NULL AND d.request_digest = r.decision ->> 'request_digest'
  ) AS c ON true
  UNION ALL
  SELECT s.asked_at, 2, 0, s.id::text, 'asked', r.stakeholder_id, r.name, r.id, s.action, s.asked_by, s.note, NULL, s.step_id, s.sender_user_id,
    json_build_object('until', s.until, 'step_id', s.step_id, 'sender_user_id', s.sender_user_id)
  FROM runs r JOIN steerings s ON s.enrollment_id = r.id
  UNION ALL
  SELECT coalesce(c.done_at, c.created_at), 4, 0, c.id::text, 'attempt', r.stakeholder_id, r.name, r.id, c.kind, NULL, coalesce(c.outcome, c.state), NULL, NULL, NULL,
    json_build_object('attempts', c.attempts, 'last_error', c.last_error, 'due_at', c.due_at)
  FROM runs r JOIN commands c ON c.enrollment_id = r.id
  UNION ALL
  SELECT m.added_at, 5, 0, m.id::text, 'stay', p.stakeholder_id, p.name, m.enrollment_id, 'added', NULL, NULL, m.cadence_id, m.step_id, NULL,
    json_build_object('cadence_id', m.cadence_id, 'salesloft_membership_id', m.salesloft_membership_id, 'status', m.status,
                      'step_id', m.step_id, 'user_id', m.salesloft_user_id)
  FROM people p JOIN salesloft_memberships m ON m.organization_id = :organization_id AND m.stakeholder_id = p.stakeholder_id
  UNION ALL
  SELECT u.occurred_to, 6, u.ordinal, u.event_id::text, 'activity', p.stakeholder_id, p.name, u.enrollment_id, u.metric, NULL, u.confidence, u.cadence_id, u.step_id, NULL,
    json_build_object('occurred_from', u.occurred_from, 'noticed_at', u.noticed_at, 'cadence_id', u.cadence_id, 'step_id', u.step_id)
  FROM people p JOIN activity_units u ON u.organization_id = :organization_id AND u.stakeholder_id = p.stakeholder_id
) AS happened
WHERE :before_at::timestamptz IS NULL OR (at, place, ordinal, source) < (:before_at, :before_place::integer, :before_ordinal::integer, :before_source::text)
ORDER BY at DESC, place DESC, ordinal DESC, source DESC
LIMIT :at_most
) AS t
LEFT JOIN enrollments e ON e.id = t.enrollment_id
LEFT JOIN salesloft_cadences c ON c.organization_id = :organization_id AND c.cadence_id = coalesce(t.cadence_id, e.cadence_id)
LEFT JOIN LATERAL (
  SELECT k.step, k.place FROM jsonb_array_elements(c.steps) WITH ORDINALITY AS k (step, place)
  WHERE (k.step ->> 'id')::bigint = t.step_id LIMIT 1
) AS p ON true
LEFT JOIN salesloft_users u ON u.organization_id = :organization_id AND u.user_id = t.sender_user_id
ORDER BY t.at DESC, t.place DESC, t.ordinal DESC, t.source DESC
