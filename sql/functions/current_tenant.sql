-- The tenant that a call speaks for when it names none: the session's, else 'default'.
create or replace function taskflow.current_tenant() returns text
language sql stable parallel safe as $$
  select coalesce(nullif(current_setting('taskflow.tenant', true), ''), 'default')
$$;
