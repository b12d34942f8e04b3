-- migrate:up

-- By which people and customers are looked for. Of a name that is longer, so much as an index takes.
ALTER TABLE directory_stakeholders ADD COLUMN name text GENERATED ALWAYS AS (left(data ->> 'name', 200)) STORED;
ALTER TABLE directory_customers ADD COLUMN name text GENERATED ALWAYS AS (left(data ->> 'name', 200)) STORED;
CREATE INDEX directory_stakeholders_name ON directory_stakeholders (organization_id, name, stakeholder_id) INCLUDE (email)
  WHERE name IS NOT NULL;
CREATE INDEX directory_customers_name ON directory_customers (organization_id, name, customer_id) WHERE name IS NOT NULL;

-- migrate:down

DROP INDEX directory_customers_name;
DROP INDEX directory_stakeholders_name;
ALTER TABLE directory_customers DROP COLUMN name;
ALTER TABLE directory_stakeholders DROP COLUMN name;
