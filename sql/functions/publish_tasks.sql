-- Publishes the tasks that a worker can run: [{"name", "queue", "priority", "max_attempts",
-- "timeout", "args_schema", "version", "check_args"}]. Their defaults and contracts then hold for enqueue from SQL too.
-- What could not be enqueued with is left out. Writes only what changed; rows in name order, so that workers starting together cannot deadlock.
create or replace function taskflow.publish_tasks(tasks jsonb) returns void
language sql volatile security definer set search_path = taskflow, pg_temp as $$
  insert into taskflow.task as t (name, queue, priority, max_attempts, timeout, args_schema, version, check_args, published_at)
  select distinct on (p ->> 'name') p ->> 'name', p ->> 'queue', taskflow.priority_no(p ->> 'priority'),
         case when (p ->> 'max_attempts')::integer between 1 and 1000 then (p ->> 'max_attempts')::smallint end, (p ->> 'timeout')::interval, p -> 'args_schema',
         coalesce((p ->> 'version')::smallint, 1), coalesce(p ->> 'check_args', 'reject'), taskflow.now()
    from jsonb_array_elements(publish_tasks.tasks) p
   where p ->> 'name' ~ '^[A-Za-z0-9_.:-]{1,200}$'
   order by p ->> 'name'
  on conflict (tenant, name) do update
     set queue = excluded.queue, priority = excluded.priority, max_attempts = excluded.max_attempts,
         timeout = excluded.timeout, args_schema = excluded.args_schema, version = excluded.version, check_args = excluded.check_args,
         published_at = excluded.published_at
   -- a worker of an older version that starts during a deploy does not put its contract back
   where excluded.version >= t.version
     and (t.queue, t.priority, t.max_attempts, t.timeout, t.args_schema, t.version, t.check_args)
         is distinct from (excluded.queue, excluded.priority, excluded.max_attempts, excluded.timeout,
                           excluded.args_schema, excluded.version, excluded.check_args)
$$;
