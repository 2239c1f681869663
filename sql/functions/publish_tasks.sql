-- Publishes the tasks that a worker can run: [{"name", "queue", "priority", "max_attempts",
-- "timeout", "args_schema", "version", "check_args"}]. Their defaults and contracts then hold for enqueue from
-- SQL too.
-- What could not be enqueued with is left out, each with a warning: a task whose name is none, a default
-- that is malformed or out of bounds. Writes only what changed; rows in name order, so that workers
-- starting together cannot deadlock.
create or replace function taskflow.publish_tasks(tasks jsonb) returns void
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
declare
  v_item jsonb;
  v_task taskflow.task;
  v_left_out text;
begin
  for v_item in
    select distinct on (p ->> 'name') p from jsonb_array_elements(publish_tasks.tasks) p
     where p ->> 'name' ~ '^[A-Za-z0-9_.:-]{1,200}$'
     order by p ->> 'name'
  loop
    v_task := null;
    v_task.name := v_item ->> 'name';
    v_task.queue := case when v_item ->> 'queue' ~ '^[a-z0-9_.-]{1,63}$' then v_item ->> 'queue' end;
    v_task.priority := taskflow.priority_no(v_item ->> 'priority');
    v_task.max_attempts := case when v_item ->> 'max_attempts' ~ '^\d{1,4}$'
      then case when (v_item ->> 'max_attempts')::integer between 1 and 1000 then (v_item ->> 'max_attempts')::integer end end;
    begin
      v_task.timeout := (v_item ->> 'timeout')::interval;
    exception when data_exception then
      v_task.timeout := null;
    end;
    if v_task.timeout not between interval '1 millisecond' and interval '30 days' then
      v_task.timeout := null;
    end if;
    v_task.args_schema := v_item -> 'args_schema';
    v_task.version := case when v_item ->> 'version' ~ '^\d{1,4}$' then (v_item ->> 'version')::integer else 1 end;
    v_task.check_args := case when v_item ->> 'check_args' in ('off', 'warn') then v_item ->> 'check_args' else 'reject' end;
    select string_agg(format('%s %s', g.name, left(v_item ->> g.name, 80)), ', ') into v_left_out
      from (values ('queue', v_task.queue is null), ('priority', v_task.priority is null),
                   ('max_attempts', v_task.max_attempts is null), ('timeout', v_task.timeout is null)) g (name, is_left_out)
     where g.is_left_out and v_item ->> g.name is not null;
    if v_left_out is not null then
      raise warning 'task %: left out as not valid: %', v_task.name, v_left_out;
    end if;
    insert into taskflow.task as t (name, queue, priority, max_attempts, timeout, args_schema, version, check_args, published_at)
    values (v_task.name, v_task.queue, v_task.priority, v_task.max_attempts, v_task.timeout, v_task.args_schema,
            v_task.version, v_task.check_args, taskflow.now())
    on conflict (tenant, name) do update
       set queue = excluded.queue, priority = excluded.priority, max_attempts = excluded.max_attempts,
           timeout = excluded.timeout, args_schema = excluded.args_schema, version = excluded.version,
           check_args = excluded.check_args, published_at = excluded.published_at
     -- a worker of an older version that starts during a deploy does not put its contract back
     where excluded.version >= t.version
       and (t.queue, t.priority, t.max_attempts, t.timeout, t.args_schema, t.version, t.check_args)
           is distinct from (excluded.queue, excluded.priority, excluded.max_attempts, excluded.timeout,
                             excluded.args_schema, excluded.version, excluded.check_args);
  end loop;
end
$$;
