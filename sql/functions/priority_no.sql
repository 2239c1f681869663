-- The stored number of a priority's name; NULL for a name that is none.
create or replace function taskflow.priority_no(name text) returns smallint
language sql immutable parallel safe as $$
  select (array_position(array['critical', 'high', 'normal', 'low'], name) - 1)::smallint
$$;
