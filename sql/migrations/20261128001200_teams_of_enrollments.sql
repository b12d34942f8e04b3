-- migrate:up

-- In which team an enrollment's ids of Salesloft mean something. What is over by now names ids that are used no more.
ALTER TABLE enrollments ADD COLUMN team_id bigint;
UPDATE enrollments e SET team_id = c.team_id
FROM salesloft_connections c
WHERE c.organization_id = e.organization_id
  AND e.state NOT IN ('rejected', 'expired', 'withdrawn', 'blocked', 'completed', 'removed', 'exited');

-- migrate:down

ALTER TABLE enrollments DROP COLUMN team_id;
