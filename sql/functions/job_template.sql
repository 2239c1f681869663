-- Checks the options of a job, fills what is not given from the task's published defaults, and
-- answers the row that is to be inserted, but for its arguments. Raises TF110, TF111, TF112, and 42501
-- for a tenant that is not the caller's. Internal.
create or replace function taskflow.job_template(
  task text, queue text, priority text, run_at timestamptz, delay interval, max_attempts integer,
  timeout interval, deadline timestamptz, tags text[], meta jsonb, tenant text
) returns taskflow.job
language plpgsql volatile as $$
#variable_conflict use_variable
declare
  v_now timestamptz := taskflow.now();
  v_task taskflow.task;
  v_job taskflow.job;
begin
  if task is null or task !~ '^[A-Za-z0-9_.:-]{1,200}$' then
    raise exception 'task name % is not valid', coalesce(quote_literal(left(task, 80)), 'NULL')
      using errcode = 'TF110', hint = 'Use 1 to 200 of A-Z a-z 0-9 _ . : -';
  end if;
  tenant := taskflow.tenant_of(tenant);
  select * into v_task from taskflow.task t where t.tenant = 'default' and t.name = task;
  v_job.queue := coalesce(queue, v_task.queue, 'default');
  perform taskflow.check_name('queue', v_job.queue), taskflow.check_name('tenant', tenant), taskflow.check_tenant(tenant);
  if v_job.queue <> all (taskflow.bound_queues()) then
    raise exception 'this call is bound to queues %, not %', array_to_string(taskflow.bound_queues(), ', '), v_job.queue using errcode = '42501';
  end if;
  v_job.priority := case when priority is null then coalesce(v_task.priority, 2)
                         else taskflow.priority_no(priority) end;
  if v_job.priority is null then
    raise exception 'priority % is not known', quote_literal(left(priority, 40))
      using errcode = 'TF111', hint = 'Use critical, high, normal or low.';
  end if;
  -- compared before it becomes a smallint: 100,000 attempts are our refusal, not an overflow
  max_attempts := coalesce(max_attempts, v_task.max_attempts, taskflow.config('max_attempts')::integer);
  if max_attempts not between 1 and 1000 then
    raise exception 'max_attempts is %, it must be 1 to 1000', max_attempts
      using errcode = 'TF111', hint = 'A handler may snooze as often as it likes: that counts no attempt.';
  end if;
  v_job.max_attempts := max_attempts;
  if run_at is not null and delay is not null then
    raise exception 'run_at and delay are both given' using errcode = 'TF111', hint = 'Give one of them.';
  end if;
  -- likewise a delay of 300,000 years, before it is added
  if delay not between interval '-10 years' and interval '10 years'
     or run_at not between v_now - interval '10 years' and v_now + interval '10 years' then
    raise exception 'run time % is more than ten years away', coalesce(run_at::text, 'in ' || delay)
      using errcode = 'TF112', hint = 'Leave run_at and delay out for a job that should run now.';
  end if;
  v_job.run_at := coalesce(run_at, v_now + delay, v_now);
  v_job.timeout := coalesce(timeout, v_task.timeout);
  if v_job.timeout not between interval '1 millisecond' and interval '30 days' then
    raise exception 'timeout is %, it must be 1 ms to 30 days', v_job.timeout
      using errcode = 'TF112', hint = 'Leave it out for a job that may run as long as it likes.';
  end if;
  if deadline <= v_job.run_at or deadline > v_job.run_at + interval '10 years' then
    raise exception 'deadline % is not after the run time %, or more than ten years after it', deadline, v_job.run_at
      using errcode = 'TF112', hint = 'The deadline is the latest time to start; leave it out for a job without one.';
  end if;
  if not taskflow.is_list(tags) or cardinality(tags) > 50 or exists (select from unnest(tags) t where t is null or t !~ '^[^[:cntrl:]]{1,100}$') then
    raise exception 'tags must be a plain list of at most 50 texts of 1 to 100 characters without control characters'
      using errcode = 'TF111', hint = 'Longer texts belong into meta or the arguments.';
  end if;
  if meta is not null and not taskflow.args_ok(meta, 65536) then
    raise exception 'meta must be a JSON object of at most 64 kB, 64 levels and numbers up to 1e300'
      using errcode = 'TF111', hint = 'Store the data elsewhere and keep its key.';
  end if;
  if tenant <> 'default' and not exists (
       select from taskflow.queue q where q.tenant = job_template.tenant and q.name = v_job.queue) then
    perform taskflow.note_queue(tenant, v_job.queue);
  end if;
  v_job.tenant := tenant;
  v_job.task := task;
  v_job.created_at := v_now;
  v_job.created_by := taskflow.caller();
  v_job.deadline := deadline;
  v_job.tags := nullif(tags, '{}');
  v_job.meta := nullif(meta, '{}');
  return v_job;
end
$$;
