-- migrate:up

-- Of each person who was ever on a cadence, or got something of it: how many stays, and how much came to them and of them. A cadence's
-- figures count people, and to tell these apart in all that was ever seen of them takes seconds where there are a hundred thousand stays.
--
-- The database keeps it, so that whoever writes a stay or a unit cannot forget it. There is a row of each person and not of the
-- cadence: nobody waits here for whoever writes of somebody else. Whoever writes of the same person has locked their stay or their
-- customer before. It has no foreign key, since what it is counted of has one.
CREATE TABLE cadence_people (
  organization_id  text NOT NULL,
  cadence_id       bigint NOT NULL,
  person_id        bigint NOT NULL,
  stays            integer NOT NULL DEFAULT 0,
  stays_now        integer NOT NULL DEFAULT 0,
  ended            integer NOT NULL DEFAULT 0,
  completed        integer NOT NULL DEFAULT 0,
  sent             integer NOT NULL DEFAULT 0,
  opened           integer NOT NULL DEFAULT 0,
  replied          integer NOT NULL DEFAULT 0,
  bounced          integer NOT NULL DEFAULT 0,
  PRIMARY KEY (organization_id, cadence_id, person_id)
) WITH (fillfactor = 70);
SELECT keep_organizations_apart('cadence_people');

CREATE FUNCTION count_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO cadence_people AS known (organization_id, cadence_id, person_id, stays, stays_now, ended, completed)
    SELECT organization_id, cadence_id, salesloft_person_id, count(*), count(*) FILTER (WHERE currently_on_cadence),
      count(*) FILTER (WHERE status IN ('completed', 'removed')), count(*) FILTER (WHERE status = 'completed')
    FROM came GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
    ON CONFLICT (organization_id, cadence_id, person_id) DO UPDATE SET stays = known.stays + excluded.stays,
      stays_now = known.stays_now + excluded.stays_now, ended = known.ended + excluded.ended, completed = known.completed + excluded.completed;
  ELSIF TG_OP = 'UPDATE' THEN
    -- Most of what changes of a stay is its step, which nothing is counted of.
    INSERT INTO cadence_people AS known (organization_id, cadence_id, person_id, stays, stays_now, ended, completed)
    SELECT organization_id, cadence_id, salesloft_person_id, sum(one), coalesce(sum(one) FILTER (WHERE currently_on_cadence), 0),
      coalesce(sum(one) FILTER (WHERE status IN ('completed', 'removed')), 0), coalesce(sum(one) FILTER (WHERE status = 'completed'), 0)
    FROM (
      SELECT 1 AS one, organization_id, cadence_id, salesloft_person_id, currently_on_cadence, status FROM came
      UNION ALL SELECT -1, organization_id, cadence_id, salesloft_person_id, currently_on_cadence, status FROM went
    ) AS changed
    GROUP BY 1, 2, 3
    HAVING sum(one) <> 0 OR sum(one) FILTER (WHERE currently_on_cadence) <> 0 OR sum(one) FILTER (WHERE status IN ('completed', 'removed')) <> 0
      OR sum(one) FILTER (WHERE status = 'completed') <> 0
    ORDER BY 1, 2, 3
    ON CONFLICT (organization_id, cadence_id, person_id) DO UPDATE SET stays = known.stays + excluded.stays,
      stays_now = known.stays_now + excluded.stays_now, ended = known.ended + excluded.ended, completed = known.completed + excluded.completed;
  ELSE
    -- Where an organization is forgotten its rows here may have gone before.
    UPDATE cadence_people p SET stays = p.stays - w.stays, stays_now = p.stays_now - w.stays_now, ended = p.ended - w.ended,
      completed = p.completed - w.completed
    FROM (
      SELECT organization_id, cadence_id, salesloft_person_id, count(*) AS stays, count(*) FILTER (WHERE currently_on_cadence) AS stays_now,
        count(*) FILTER (WHERE status IN ('completed', 'removed')) AS ended, count(*) FILTER (WHERE status = 'completed') AS completed
      FROM went GROUP BY 1, 2, 3
    ) AS w
    WHERE p.organization_id = w.organization_id AND p.cadence_id = w.cadence_id AND p.person_id = w.salesloft_person_id;
  END IF;
  RETURN NULL;
END
$$;
CREATE TRIGGER stays_are_counted AFTER INSERT ON salesloft_memberships
  REFERENCING NEW TABLE AS came FOR EACH STATEMENT EXECUTE FUNCTION count_stays();
CREATE TRIGGER changed_stays_are_counted AFTER UPDATE ON salesloft_memberships
  REFERENCING NEW TABLE AS came OLD TABLE AS went FOR EACH STATEMENT EXECUTE FUNCTION count_stays();
CREATE TRIGGER deleted_stays_are_counted AFTER DELETE ON salesloft_memberships
  REFERENCING OLD TABLE AS went FOR EACH STATEMENT EXECUTE FUNCTION count_stays();

CREATE FUNCTION count_units() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO cadence_people AS known (organization_id, cadence_id, person_id, sent, opened, replied, bounced)
    SELECT organization_id, cadence_id, person_id, count(*) FILTER (WHERE metric = 'email-sent'), count(*) FILTER (WHERE metric = 'email-opened'),
      count(*) FILTER (WHERE metric = 'email-replied'), count(*) FILTER (WHERE metric = 'email-bounced')
    FROM came WHERE cadence_id IS NOT NULL AND metric IN ('email-sent', 'email-opened', 'email-replied', 'email-bounced')
    GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
    ON CONFLICT (organization_id, cadence_id, person_id) DO UPDATE SET sent = known.sent + excluded.sent,
      opened = known.opened + excluded.opened, replied = known.replied + excluded.replied, bounced = known.bounced + excluded.bounced;
  ELSE
    UPDATE cadence_people p SET sent = p.sent - w.sent, opened = p.opened - w.opened, replied = p.replied - w.replied,
      bounced = p.bounced - w.bounced
    FROM (
      SELECT organization_id, cadence_id, person_id, count(*) FILTER (WHERE metric = 'email-sent') AS sent,
        count(*) FILTER (WHERE metric = 'email-opened') AS opened, count(*) FILTER (WHERE metric = 'email-replied') AS replied,
        count(*) FILTER (WHERE metric = 'email-bounced') AS bounced
      FROM went WHERE cadence_id IS NOT NULL GROUP BY 1, 2, 3
    ) AS w
    WHERE p.organization_id = w.organization_id AND p.cadence_id = w.cadence_id AND p.person_id = w.person_id;
  END IF;
  RETURN NULL;
END
$$;
-- Of a unit nothing ever changes.
CREATE TRIGGER units_are_counted AFTER INSERT ON activity_units
  REFERENCING NEW TABLE AS came FOR EACH STATEMENT EXECUTE FUNCTION count_units();
CREATE TRIGGER deleted_units_are_counted AFTER DELETE ON activity_units
  REFERENCING OLD TABLE AS went FOR EACH STATEMENT EXECUTE FUNCTION count_units();

-- The triggers keep writers out until all this is committed, so what is there is counted once.
INSERT INTO cadence_people (organization_id, cadence_id, person_id, stays, stays_now, ended, completed)
SELECT organization_id, cadence_id, salesloft_person_id, count(*), count(*) FILTER (WHERE currently_on_cadence),
  count(*) FILTER (WHERE status IN ('completed', 'removed')), count(*) FILTER (WHERE status = 'completed')
FROM salesloft_memberships GROUP BY 1, 2, 3;
INSERT INTO cadence_people AS known (organization_id, cadence_id, person_id, sent, opened, replied, bounced)
SELECT organization_id, cadence_id, person_id, count(*) FILTER (WHERE metric = 'email-sent'), count(*) FILTER (WHERE metric = 'email-opened'),
  count(*) FILTER (WHERE metric = 'email-replied'), count(*) FILTER (WHERE metric = 'email-bounced')
FROM activity_units WHERE cadence_id IS NOT NULL AND metric IN ('email-sent', 'email-opened', 'email-replied', 'email-bounced')
GROUP BY 1, 2, 3
ON CONFLICT (organization_id, cadence_id, person_id) DO UPDATE SET sent = excluded.sent, opened = excluded.opened,
  replied = excluded.replied, bounced = excluded.bounced;

-- What became of the enrollments that came onto a cadence, without reading their rows, which hold whole requests.
CREATE INDEX enrollments_outcome ON enrollments (organization_id, cadence_id, state, reason)
  WHERE membership_id IS NOT NULL AND trigger_type IS NOT NULL;

-- migrate:down

DROP INDEX enrollments_outcome;
DROP TRIGGER deleted_units_are_counted ON activity_units;
DROP TRIGGER units_are_counted ON activity_units;
DROP TRIGGER deleted_stays_are_counted ON salesloft_memberships;
DROP TRIGGER changed_stays_are_counted ON salesloft_memberships;
DROP TRIGGER stays_are_counted ON salesloft_memberships;
DROP TABLE cadence_people;
DROP FUNCTION count_units;
DROP FUNCTION count_stays;
