-- The tenant that the API has bound this transaction to, NULL without one: then row-level security shows
-- nothing.
create or replace function taskflow.bound_tenant() returns text
language sql stable parallel safe as $$
  select nullif(current_setting('taskflow.tenant', true), '')
$$;
