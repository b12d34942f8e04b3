-- Many organizations' stays, activity, enrollments and decisions, by multiplying what the service itself has written.
--
-- `bench.people` is how many stakeholders there will be; of each are two stays and twenty units of activity, of every second one an
-- enrollment, of every fifth a customer. The first organization has a tenth of everything, the others ever less: the
-- last of two hundred a tenth of the second.

-- The tables are thrown away afterwards: what is written into them goes into no log, looks nobody up, and is indexed once it is there.
CREATE TEMP TABLE filled ON COMMIT DROP AS SELECT name::regclass AS name FROM unnest(ARRAY[
  'directory_customers', 'directory_stakeholders', 'enrollments', 'enrollment_history', 'approval_decisions', 'commands',
  'salesloft_people', 'stakeholder_people', 'salesloft_memberships', 'activity_units', 'engagements', 'evaluations_default']) AS name;
CREATE TEMP TABLE put_back ON COMMIT DROP AS
  SELECT i.indrelid AS of, i.indexrelid::regclass::text AS index, c.conname AS "constraint",
    CASE WHEN c.oid IS NULL THEN pg_get_indexdef(i.indexrelid)
         ELSE format('ALTER TABLE %s ADD CONSTRAINT %I %s', i.indrelid::regclass, c.conname, pg_get_constraintdef(c.oid)) END AS command
  FROM pg_index i JOIN filled f ON f.name = i.indrelid LEFT JOIN pg_constraint c ON c.conindid = i.indexrelid AND c.contype IN ('p', 'u')
  WHERE i.indrelid <> 'evaluations_default'::regclass;  -- a partition's are its parent's
DO $$
DECLARE one record;
BEGIN
  FOR one IN SELECT c.conrelid::regclass AS name, c.conname FROM pg_constraint c JOIN filled f ON f.name = c.conrelid WHERE c.contype = 'f' LOOP
    EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', one.name, one.conname);
  END LOOP;
  FOR one IN SELECT * FROM put_back LOOP
    EXECUTE CASE WHEN one."constraint" IS NULL THEN format('DROP INDEX %s', one.index)
                 ELSE format('ALTER TABLE %s DROP CONSTRAINT %I', one.of::regclass, one."constraint") END;
  END LOOP;
  FOR one IN SELECT * FROM filled LOOP
    EXECUTE format('ALTER TABLE %s SET UNLOGGED', one.name);
  END LOOP;
END
$$;

-- Whose each stakeholder is.
CREATE TEMP TABLE people ON COMMIT DROP AS
  SELECT n, 'org-' || CASE WHEN n % 10 = 0 THEN 0 ELSE 1 + floor((o.many - 1) * power((n % 9973) / 9973.0, 1.5))::integer END AS organization_id,
    'sth-filled-' || n AS stakeholder_id
  FROM generate_series(0, current_setting('bench.people')::integer - 1) AS n, (SELECT count(*)::integer AS many FROM organizations) AS o;
ALTER TABLE people ADD COLUMN customer_id text;
UPDATE people p SET customer_id = 'cus-filled-' || c.n FROM (
  SELECT n AS person, organization_id || '-' || (row_number() OVER (PARTITION BY organization_id ORDER BY n) - 1) / 5 AS n FROM people) AS c
WHERE c.person = p.n;
-- Of each organization one of every kind that the service wrote.
CREATE TEMP TABLE told ON COMMIT DROP AS
  SELECT DISTINCT ON (e.organization_id) e.organization_id, e.id AS enrollment_id, e.evaluation_id, e.customer_id, e.stakeholder_id
  FROM enrollments e ORDER BY e.organization_id, e.id;
ANALYZE people, told;

-- Column by column: what is generated of the others is not given.
INSERT INTO directory_customers (organization_id, customer_id, data, as_of, as_of_offset, from_directory, erased_at)
SELECT made.organization_id, made.customer_id, made.data, made.as_of, made.as_of_offset, made.from_directory, made.erased_at
FROM (SELECT DISTINCT organization_id, customer_id FROM people) AS p JOIN told t USING (organization_id)
JOIN directory_customers d ON d.organization_id = t.organization_id AND d.customer_id = t.customer_id,
LATERAL jsonb_populate_record(d, jsonb_build_object('customer_id', p.customer_id)) AS made;

INSERT INTO directory_stakeholders (organization_id, stakeholder_id, customer_id, email, data, as_of, as_of_offset, from_directory, left_at,
  listed_at, erased_at)
SELECT made.organization_id, made.stakeholder_id, made.customer_id, made.email, made.data, made.as_of, made.as_of_offset, made.from_directory,
  made.left_at, made.listed_at, made.erased_at
FROM people p JOIN told t USING (organization_id)
JOIN directory_stakeholders d ON d.organization_id = t.organization_id AND d.stakeholder_id = t.stakeholder_id,
LATERAL jsonb_populate_record(d, jsonb_build_object(
  'customer_id', p.customer_id, 'stakeholder_id', p.stakeholder_id, 'email', p.stakeholder_id || '@filled.example')) AS made;

INSERT INTO salesloft_people (organization_id, person_id, email, do_not_contact, contact_restrictions, bouncing, salesloft_updated_at, read_at)
SELECT organization_id, n, stakeholder_id || '@filled.example', false, '{}', n % 50 = 0, now() - interval '1 day', now() FROM people;
INSERT INTO stakeholder_people (organization_id, stakeholder_id, person_id, linked_by, linked_at)
SELECT organization_id, stakeholder_id, n, 'upsert', now() - interval '300 days' FROM people;

-- An enrollment of every second stakeholder, asked for within the last ten months; four of a hundred wait for an approver.
CREATE TEMP TABLE runs ON COMMIT DROP AS
  SELECT p.*, gen_random_uuid() AS membership_id, at.at, state.state,
    (lpad(to_hex((extract(epoch FROM at.at) * 1000)::bigint), 12, '0') || '7' || substr(md5(p.n::text), 1, 3) || '8' || substr(md5(p.n::text), 4, 15))::uuid AS id
  FROM people p,
  LATERAL (SELECT now() - (p.n::bigint * 7919 % 300) * interval '1 day' - (p.n % 86400) * interval '1 second' AS at) AS at,
  LATERAL (SELECT CASE WHEN p.n % 100 < 4 THEN 'requested' WHEN p.n % 100 < 5 THEN 'failed' WHEN p.n % 100 < 6 THEN 'paused' WHEN p.n % 100 < 60 THEN 'completed'
                       WHEN p.n % 100 < 70 THEN 'rejected' ELSE 'enrolled' END AS state) AS state
  WHERE p.n % 2 = 0;
INSERT INTO enrollments SELECT made.*
FROM runs r JOIN told t USING (organization_id) JOIN enrollments e ON e.id = t.enrollment_id,
LATERAL jsonb_populate_record(e, jsonb_build_object(
  'id', r.id, 'customer_id', r.customer_id, 'stakeholder_id', r.stakeholder_id, 'state', r.state, 'business_key', 'con-' || r.n, 'event_id', 'evt-' || r.n,
  'salesloft_person_id', r.n, 'requested_at', r.at, 'created_at', r.at, 'updated_at', r.at, 'event_time', r.at,
  'membership_id', CASE WHEN r.state IN ('enrolled', 'completed', 'paused') THEN r.membership_id END,
  'expires_at', CASE WHEN r.state = 'requested' THEN now() + (r.n % 5000) * interval '1 minute' ELSE r.at + interval '3 days' END)) AS made;
INSERT INTO enrollment_history (enrollment_id, sequence, organization_id, from_state, to_state, actor_kind, changed_at)
SELECT r.id, s.n, r.organization_id, s."from", s."to", 'service', r.at + s.n * interval '1 hour'
FROM runs r, (VALUES (1, NULL, 'requested'), (2, 'requested', 'approved'), (3, 'approved', 'enrolled')) AS s (n, "from", "to")
WHERE s.n = 1 OR r.state <> 'requested';
INSERT INTO approval_decisions (organization_id, enrollment_id, event_id, event_source, verdict, request_digest, decided_by, decided_at, received_at)
SELECT r.organization_id, r.id, 'dec-' || r.n, '/cscx/approvals', CASE r.state WHEN 'rejected' THEN r.state ELSE 'approved' END, 'digest', 'usr-9', r.at, r.at
FROM runs r WHERE r.state <> 'requested';
INSERT INTO commands (id, organization_id, kind, subject, enrollment_id, correlation_id, state, outcome, due_at, attempts, created_at, done_at)
SELECT gen_random_uuid(), r.organization_id, 'enroll', r.stakeholder_id, r.id, r.id::text, 'done', 'done', r.at, 1, r.at, r.at
FROM runs r WHERE r.state NOT IN ('requested', 'rejected');
INSERT INTO evaluations SELECT made.*
FROM runs r JOIN told t USING (organization_id) JOIN evaluations v ON v.id = t.evaluation_id,
LATERAL jsonb_populate_record(v, jsonb_build_object(
  'id', gen_random_uuid(), 'customer_id', r.customer_id, 'event_id', 'evt-' || r.n, 'evaluated_at', r.at)) AS made;

-- Two stays of everybody: the enrollment's, where there is one, and one by hand.
INSERT INTO salesloft_memberships (id, organization_id, stakeholder_id, salesloft_person_id, cadence_id, cadence_name, status, current_step, added_at,
  completed_at, salesloft_membership_id, salesloft_state, currently_on_cadence, salesloft_user_id, step_id, enrollment_id, salesloft_updated_at, created_at)
SELECT coalesce(r.membership_id, gen_random_uuid()), p.organization_id, p.stakeholder_id, p.n, 1 + (p.n / 7) % 4, NULL,
  coalesce(r.state, CASE WHEN p.n % 100 < 60 THEN 'completed' ELSE 'active' END), 1, coalesce(r.at, now() - (p.n::bigint * 31 % 300) * interval '1 day'),
  NULL, 2 * p.n + stay, 'active', coalesce(r.state, CASE WHEN p.n % 100 < 60 THEN 'completed' ELSE 'enrolled' END) = 'enrolled', 12, 77, r.id, now(), now()
FROM people p CROSS JOIN generate_series(0, 1) AS stay LEFT JOIN runs r ON r.n = p.n AND stay = 0 AND r.state IN ('enrolled', 'completed', 'paused');

INSERT INTO activity_units (event_id, organization_id, stakeholder_id, source, source_id, metric, ordinal, person_id, cadence_id, step_id, occurred_from,
  occurred_to, noticed_at, confidence)
SELECT gen_random_uuid(), p.organization_id, p.stakeholder_id, 'email', (p.n * 5 + u / 4)::text, (ARRAY['email-sent', 'email-opened', 'email-clicked', 'email-replied'])[u % 4 + 1],
  1, p.n, 1 + (p.n / 7) % 4, 77, at.at - CASE u % 4 WHEN 1 THEN interval '30 minutes' ELSE interval '0' END, at.at, at.at + interval '1 minute', 'high'
FROM people p CROSS JOIN generate_series(0, 19) AS u, LATERAL (SELECT now() - u * interval '14 days' - (p.n % 1209600) * interval '1 second' AS at) AS at;
INSERT INTO engagements (organization_id, stakeholder_id, customer_id, data, updated_at, tallies)
SELECT organization_id, stakeholder_id, customer_id, jsonb_build_object(
  'organization_id', organization_id, 'customer_id', customer_id, 'stakeholder_id', stakeholder_id, 'active_cadences', '[]'::jsonb), now(),
  current_setting('bench.tallies')::jsonb
FROM people;

INSERT INTO sync_streams (organization_id, stream, next_cycle_at, cycle, cycle_started_at, cycle_ended_at)
SELECT o.organization_id, s, now(), 9, now(), now()
FROM organizations o, unnest(ARRAY['people', 'accounts', 'memberships', 'emails', 'calls', 'histories']) AS s
ON CONFLICT DO NOTHING;

DO $$
DECLARE one record;
BEGIN
  SET LOCAL maintenance_work_mem = '512MB';
  FOR one IN SELECT * FROM put_back LOOP
    EXECUTE one.command;
  END LOOP;
END
$$;
