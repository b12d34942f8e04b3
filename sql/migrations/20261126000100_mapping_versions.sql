-- migrate:up

-- A draft becomes validated once nothing speaks against publishing it; either may still change, what was published may not.
ALTER TABLE salesloft_cadence_mappings DROP CONSTRAINT salesloft_cadence_mappings_status_check;
ALTER TABLE salesloft_cadence_mappings
  ADD CONSTRAINT salesloft_cadence_mappings_status_check CHECK (status IN ('draft', 'validated', 'published', 'retired'));
CREATE UNIQUE INDEX salesloft_cadence_mappings_draft ON salesloft_cadence_mappings (id) WHERE status IN ('draft', 'validated');

CREATE OR REPLACE FUNCTION refuse_change_of_published_mapping() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.status NOT IN ('draft', 'validated') AND (TG_OP = 'DELETE' OR NEW.status IN ('draft', 'validated') OR
     (OLD.id, OLD.version, OLD.trigger_type, OLD.segment, OLD.purpose, OLD.cadence_id, OLD.start_step_id, OLD.sender,
      OLD.stakeholder_criteria, OLD.customer_criteria, OLD.policy, OLD.exclusivity_group, OLD.organization_id)
     IS DISTINCT FROM
     (NEW.id, NEW.version, NEW.trigger_type, NEW.segment, NEW.purpose, NEW.cadence_id, NEW.start_step_id, NEW.sender,
      NEW.stakeholder_criteria, NEW.customer_criteria, NEW.policy, NEW.exclusivity_group, NEW.organization_id)) THEN
    RAISE EXCEPTION 'mapping % version % is published: publish a new version', OLD.id, OLD.version
      USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN coalesce(NEW, OLD);
END
$$;

-- Who did what to which version, and when.
CREATE TABLE mapping_changes (
  position         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  organization_id  text NOT NULL REFERENCES organizations,
  mapping_id       uuid NOT NULL,
  version          integer NOT NULL,
  change           text NOT NULL CHECK (change IN (
    'drafted', 'discarded', 'published', 'enabled', 'disabled', 'reordered', 'retired')),
  detail           text,                          -- of an order the priority, of what came in by a file the plan's hash
  changed_at       timestamptz NOT NULL,
  changed_by       text
);
CREATE INDEX mapping_changes_of ON mapping_changes (organization_id, mapping_id, position);
SELECT keep_organizations_apart('mapping_changes');

-- What an evaluation rested on holds engagement by stakeholder: it goes with whoever is erased.
CREATE OR REPLACE FUNCTION without_people(document jsonb, ids text[]) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN jsonb_typeof(told -> 'engagement') = 'object'
    THEN jsonb_set(told, '{engagement}', (told -> 'engagement') - ids) ELSE told END
  FROM (SELECT CASE WHEN document #> '{trigger,reasons}' IS NOT NULL THEN jsonb_set(named, '{trigger,reasons}', '[]') ELSE named END
  FROM (SELECT CASE WHEN jsonb_typeof(document -> 'stakeholders') = 'array' THEN jsonb_set(document, '{stakeholders}', (
    SELECT coalesce(jsonb_agg(CASE WHEN one ->> 'id' = ANY (ids) THEN jsonb_build_object('id', one -> 'id') ELSE one END
                              ORDER BY place), '[]')
    FROM jsonb_array_elements(document -> 'stakeholders') WITH ORDINALITY AS listed (one, place)
  )) ELSE document END) AS unnamed (named)) AS scrubbed (told)
$$;

-- migrate:down

CREATE OR REPLACE FUNCTION without_people(document jsonb, ids text[]) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN document #> '{trigger,reasons}' IS NOT NULL THEN jsonb_set(told, '{trigger,reasons}', '[]') ELSE told END
  FROM (SELECT CASE WHEN jsonb_typeof(document -> 'stakeholders') = 'array' THEN jsonb_set(document, '{stakeholders}', (
    SELECT coalesce(jsonb_agg(CASE WHEN one ->> 'id' = ANY (ids) THEN jsonb_build_object('id', one -> 'id') ELSE one END
                              ORDER BY place), '[]')
    FROM jsonb_array_elements(document -> 'stakeholders') WITH ORDINALITY AS listed (one, place)
  )) ELSE document END) AS scrubbed (told)
$$;
DROP TABLE mapping_changes;
UPDATE salesloft_cadence_mappings SET status = 'draft' WHERE status = 'validated';
CREATE OR REPLACE FUNCTION refuse_change_of_published_mapping() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.status <> 'draft' AND (TG_OP = 'DELETE' OR NEW.status = 'draft' OR
     (OLD.id, OLD.version, OLD.trigger_type, OLD.segment, OLD.purpose, OLD.cadence_id, OLD.start_step_id, OLD.sender,
      OLD.stakeholder_criteria, OLD.customer_criteria, OLD.policy, OLD.exclusivity_group, OLD.organization_id)
     IS DISTINCT FROM
     (NEW.id, NEW.version, NEW.trigger_type, NEW.segment, NEW.purpose, NEW.cadence_id, NEW.start_step_id, NEW.sender,
      NEW.stakeholder_criteria, NEW.customer_criteria, NEW.policy, NEW.exclusivity_group, NEW.organization_id)) THEN
    RAISE EXCEPTION 'mapping % version % is published: publish a new version', OLD.id, OLD.version
      USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN coalesce(NEW, OLD);
END
$$;
DROP INDEX salesloft_cadence_mappings_draft;
ALTER TABLE salesloft_cadence_mappings DROP CONSTRAINT salesloft_cadence_mappings_status_check;
ALTER TABLE salesloft_cadence_mappings
  ADD CONSTRAINT salesloft_cadence_mappings_status_check CHECK (status IN ('draft', 'published', 'retired'));
