-- migrate:up

-- A user's own customers, and what is of them.
ALTER TABLE directory_customers ADD COLUMN owner_user_id text GENERATED ALWAYS AS (left(data #>> '{owner,user_id}', 200)) STORED;
CREATE INDEX directory_customers_owner ON directory_customers (organization_id, owner_user_id, customer_id) WHERE owner_user_id IS NOT NULL;
-- By these an approver has a name: they bring it along.
CREATE INDEX approval_decisions_by ON approval_decisions (organization_id, decided_by, received_at);
-- How a customer's enrollments stand, and which of all are of some customers, the index alone says.
DROP INDEX enrollments_customer, enrollments_newest;
CREATE INDEX enrollments_customer ON enrollments (organization_id, customer_id, id) INCLUDE (state, trigger_type, cadence_id);
CREATE INDEX enrollments_newest ON enrollments (organization_id, id) INCLUDE (state, trigger_type, cadence_id, customer_id);

-- migrate:down

DROP INDEX enrollments_newest, enrollments_customer;
CREATE INDEX enrollments_newest ON enrollments (organization_id, id) INCLUDE (state, trigger_type, cadence_id);
CREATE INDEX enrollments_customer ON enrollments (organization_id, customer_id);
DROP INDEX approval_decisions_by, directory_customers_owner;
ALTER TABLE directory_customers DROP COLUMN owner_user_id;
