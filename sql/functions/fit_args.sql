-- Arguments of a caller who does not know the task's code, made to fit its published contract: arguments
-- left out get their published defaults, and the whole is checked as the task wants it: off, warn
-- (a warning to the caller; the job is enqueued), or reject. Raises TF118. Internal.
create or replace function taskflow.fit_args(task text, args jsonb) returns jsonb
language plpgsql stable as $$
declare
  v_task taskflow.task;
  v_problem text;
begin
  select * into v_task from taskflow.task t where t.tenant = 'default' and t.name = fit_args.task;
  if not found or v_task.args_schema is null or v_task.check_args = 'off' then
    return args;
  end if;
  args := coalesce((select jsonb_object_agg(p.key, p.value -> 'default')
                      from jsonb_each(coalesce(v_task.args_schema -> 'properties', '{}')) p
                     where p.value ? 'default' and not fit_args.args ? p.key), '{}') || args;
  v_problem := taskflow.schema_problem(v_task.args_schema, args);
  if v_problem is null then
    return args;
  elsif v_task.check_args = 'warn' then
    raise warning 'job of task %: %', fit_args.task, v_problem using hint = 'Its worker will refuse it. See taskflow tasks show.';
    return args;
  end if;
  raise exception 'job of task %: %', fit_args.task, v_problem
    using errcode = 'TF118', hint = 'See its contract with taskflow tasks show, or in taskflow.task.';
end
$$;
