-- Whether statistics may use it as the name of a tenant, a queue or an outcome: a plain name (see
-- check_name), or * for all those that have no line of their own. Internal.
create or replace function taskflow.is_name(name text) returns boolean
language sql immutable parallel safe as $$
  select name ~ '^([a-z0-9_.-]{1,63}|\*)$'
$$;
