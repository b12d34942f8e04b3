-- migrate:up

-- What became of the enrollments of some days, their rows unread: these hold whole requests.
CREATE INDEX enrollments_came ON enrollments (organization_id, created_at) INCLUDE (id, customer_id, trigger_type, state, reason);
-- Of what was withdrawn the state alone does not say whether it had been approved.
CREATE INDEX enrollments_withdrawn ON enrollments (organization_id, created_at) INCLUDE (customer_id, trigger_type)
  WHERE state = 'withdrawn' AND decision IS NOT NULL;
CREATE INDEX activity_units_replies ON activity_units (organization_id, enrollment_id)
  WHERE metric = 'email-replied' AND enrollment_id IS NOT NULL;
CREATE INDEX salesloft_memberships_by_hand ON salesloft_memberships (organization_id, added_at) WHERE enrollment_id IS NULL;
CREATE INDEX steerings_asked ON steerings (organization_id, asked_at);
-- An organization's evaluations of some days, without reading everybody's of these days, and what triggers these were of.
CREATE INDEX evaluations_made ON evaluations (organization_id, evaluated_at) INCLUDE (cause, event_type, customer_id);

-- migrate:down

DROP INDEX evaluations_made, steerings_asked, salesloft_memberships_by_hand, activity_units_replies, enrollments_withdrawn, enrollments_came;
