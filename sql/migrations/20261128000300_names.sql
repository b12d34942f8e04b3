-- migrate:up

-- By which people and customers are looked for and told apart. Of what is longer, so much as an index takes.
ALTER TABLE directory_stakeholders ADD COLUMN name text GENERATED ALWAYS AS (left(data ->> 'name', 200)) STORED;
ALTER TABLE directory_customers ADD COLUMN name text GENERATED ALWAYS AS (left(data ->> 'name', 200)) STORED,
  ADD COLUMN segment text GENERATED ALWAYS AS (left(data ->> 'segment', 200)) STORED;
CREATE INDEX directory_stakeholders_name ON directory_stakeholders (organization_id, name, stakeholder_id) INCLUDE (email)
  WHERE name IS NOT NULL;
CREATE INDEX directory_customers_name ON directory_customers (organization_id, name, customer_id) WHERE name IS NOT NULL;
-- Where a segment alone is asked of all of an organization's customers.
CREATE INDEX directory_customers_segment ON directory_customers (organization_id, segment, customer_id);

-- migrate:down

DROP INDEX directory_customers_segment;
DROP INDEX directory_customers_name;
DROP INDEX directory_stakeholders_name;
ALTER TABLE directory_customers DROP COLUMN name, DROP COLUMN segment;
ALTER TABLE directory_stakeholders DROP COLUMN name;
