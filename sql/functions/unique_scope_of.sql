-- The scope under which a key is stored: NULL is the job's queue. Task names and queue names cannot
-- contain what comes before the colon. Internal.
create or replace function taskflow.unique_scope_of(unique_scope text, unique_by text[], task text) returns text
language sql immutable parallel safe as $$
  select case coalesce(unique_scope, case when unique_by is not null then 'task' end)
           when 'task' then 'task:' || task
           when 'tenant' then 'tenant:' end
$$;
