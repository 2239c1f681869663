-- The queues that the API has bound this transaction to, NULL for all.
create or replace function taskflow.bound_queues() returns text[]
language sql stable parallel safe as $$
  select nullif(current_setting('taskflow.queues', true), '')::text[]
$$;
