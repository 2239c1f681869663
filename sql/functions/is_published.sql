-- Whether a task has a contract that is checked. Internal.
create or replace function taskflow.is_published(task text) returns boolean
language sql stable parallel safe as $$
  select exists (select from taskflow.task t
                  where t.tenant = 'default' and t.name = is_published.task and t.check_args <> 'off' and t.args_schema is not null)
$$;
