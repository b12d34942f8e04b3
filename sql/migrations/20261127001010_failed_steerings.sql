-- migrate:up

-- Whether Salesloft has refused, or failed to do, what is asked of somebody's stay on a cadence, so that it is tried again and again.
-- What waits says so by a reason, which is one word, or by one of three sentences.
CREATE FUNCTION has_failed(c commands) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT c.state = 'pending' AND c.kind IN ('pause', 'resume', 'remove') AND coalesce(
    c.last_error !~ '^[a-z_]+$' AND c.last_error NOT IN ('a call is open', 'outcome unknown', 'added a moment ago'), false)
$$;
-- The few that fail, and adding back that was refused for good.
CREATE INDEX commands_failed ON commands (organization_id, position)
  WHERE last_error IS NOT NULL AND kind IN ('pause', 'resume', 'remove');

-- migrate:down

DROP INDEX commands_failed;
DROP FUNCTION has_failed;
