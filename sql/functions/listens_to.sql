-- Whether an endpoint with these types wants such an event: by its name, its group, or as one of all. Internal.
create or replace function taskflow.listens_to(types text[], type text) returns boolean
language sql immutable parallel safe as $$
  select types && array['*', split_part(type, '.', 1) || '.*', type]
$$;
