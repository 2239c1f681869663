-- One setting as text, NULL when it has no row.
create or replace function taskflow.config(name text) returns text
language sql stable parallel safe as $$
  select c.value from taskflow.config c where c.tenant = 'default' and c.name = config.name
$$;
