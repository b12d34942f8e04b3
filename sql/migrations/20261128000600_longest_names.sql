-- migrate:up

-- With ids of 200 characters, of four bytes each, an index takes no longer name besides.
DROP INDEX directory_stakeholders_name;
ALTER TABLE directory_stakeholders DROP COLUMN name;
ALTER TABLE directory_stakeholders ADD COLUMN name text GENERATED ALWAYS AS (left(data ->> 'name', 150)) STORED;
CREATE INDEX directory_stakeholders_name ON directory_stakeholders (organization_id, name, stakeholder_id) INCLUDE (email)
  WHERE name IS NOT NULL;
-- What is longer is no address.
UPDATE directory_stakeholders SET email = NULL WHERE octet_length(email) > 320;

-- migrate:down

DROP INDEX directory_stakeholders_name;
ALTER TABLE directory_stakeholders DROP COLUMN name;
ALTER TABLE directory_stakeholders ADD COLUMN name text GENERATED ALWAYS AS (left(data ->> 'name', 200)) STORED;
CREATE INDEX directory_stakeholders_name ON directory_stakeholders (organization_id, name, stakeholder_id) INCLUDE (email)
  WHERE name IS NOT NULL;
