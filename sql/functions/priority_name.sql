-- The name of a stored priority; 10 more means that the job stands aside.
create or replace function taskflow.priority_name(no smallint) returns text
language sql immutable parallel safe as $$
  select (array['critical', 'high', 'normal', 'low'])[no % 10 + 1]
$$;
