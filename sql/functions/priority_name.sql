-- The name of a stored priority.
create or replace function taskflow.priority_name(no smallint) returns text
language sql immutable parallel safe as $$
  select (array['critical', 'high', 'normal', 'low'])[no + 1]
$$;
