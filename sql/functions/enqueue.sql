-- Enqueues one job and answers its id. Part of the caller's transaction: it commits or vanishes
-- with it. What is not given comes from the task's published defaults.
-- With a unique_key that a live job of the queue holds already, answers that job's id: enqueue_job
-- says what the options from unique_key on mean, and also tells what became of the job.
--
-- Where the task is published, the arguments are made to fit its contract: defaults are filled in and
-- the rest is checked, unless args_version says for which version of it they were made and checked.
--
-- The ordinary job, which the API's never is, is checked in one short expression; what that does not take
-- goes the long way, which also says what is wrong: in one block 30 instead of 95 us a call, as a commit of
-- its own 103.
-- What it reads it reads in one statement: before version 18, a call of an SQL function that reads a table is
-- planned anew in each transaction, which cost 70 of 220 us.
-- Locks: none but the new row's. Raises TF110-TF116, TF118, TF120, TF123, and 42501 for a tenant that is
-- not the caller's (see allow_tenant).
create or replace function taskflow.enqueue(
  task text,
  args jsonb default '{}',
  queue text default null,
  priority text default null,
  run_at timestamptz default null,
  delay interval default null,
  max_attempts integer default null,
  timeout interval default null,
  unique_key text default null,
  tags text[] default null,
  meta jsonb default null,
  tenant text default null,
  deadline timestamptz default null,
  unique_by text[] default null,
  unique_scope text default null,
  unique_while text default null,
  unique_for interval default null,
  on_conflict text default null,
  replace text[] default null,
  depends_on bigint[] default null,
  on_parent_failure text default null,
  args_version integer default null
) returns bigint
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
#variable_conflict use_column
declare
  v_now timestamptz := taskflow.now();
  -- NULL beyond ten years, so that adding it cannot overflow
  v_delay interval := case when abs(extract(epoch from delay)) < 315576000 then delay end;
  v_run_at timestamptz := coalesce(run_at, v_now + v_delay, v_now);
  v_queue text;
  v_priority smallint;
  v_attempts integer;
  v_timeout interval;
  v_max_bytes integer;
  v_is_checked boolean;
  v_version smallint;
  v_is_kept boolean;
  v_is_plain boolean;
  v_size integer;
  v_is_limited boolean;
  v_id bigint;
begin
  select c.value, coalesce(enqueue.queue, t.queue, 'default'),
         coalesce(taskflow.priority_no(enqueue.priority), t.priority, 2),
         coalesce(enqueue.max_attempts, t.max_attempts, a.value::integer),
         coalesce(enqueue.timeout, t.timeout), coalesce(t.check_args, 'off') <> 'off' and args_version is null,
         coalesce(enqueue.args_version, t.version),
         exists (select from taskflow.tenant_role),
         exists (select from taskflow.job_limit l
                  where l.tenant = 'default' and (l.queue = coalesce(enqueue.queue, t.queue, 'default') or l.task = enqueue.task))
    into v_max_bytes, v_queue, v_priority, v_attempts, v_timeout, v_is_checked, v_version, v_is_kept, v_is_limited
    from taskflow.config c
    join taskflow.config a on a.tenant = 'default' and a.name = 'max_attempts'
    left join taskflow.task t on t.tenant = 'default' and t.name = enqueue.task
   where c.tenant = 'default' and c.name = 'max_args_bytes';
  v_size := octet_length(args::text);
  v_is_plain := not (v_is_checked or v_is_limited)
     and num_nonnulls(unique_key, unique_by, tags, meta, unique_scope, unique_while, unique_for, on_conflict, replace,
                      depends_on, on_parent_failure) = 0
     and coalesce(tenant, taskflow.current_tenant()) = 'default' and current_setting('role') <> 'taskflow_api'
     and length(task) between 1 and 200 and task !~ '[^A-Za-z0-9_.:-]' and v_attempts between 1 and 1000
     and jsonb_typeof(args) = 'object' and v_size <= v_max_bytes;
  -- apart from it, since a transaction prepares every step of an expression that it meets: 9 us for these
  if v_is_plain and v_is_kept then
    v_is_plain := taskflow.may_use('default');
  end if;
  if v_is_plain and v_size > 128 then
    v_is_plain := taskflow.args_ok(args, v_max_bytes);
  end if;
  if v_is_plain and num_nonnulls(queue, priority, run_at, delay, timeout, deadline) > 0 then
    v_is_plain := (priority is null or taskflow.priority_no(priority) is not null)
       and (delay is null or (run_at is null and v_delay is not null))
       and taskflow.options_ok(task, v_queue, v_run_at, v_now, v_attempts, v_timeout, deadline);
  end if;
  if v_is_plain then
    insert into taskflow.job (run_at, created_at, max_attempts, priority, deadline, timeout, queue, task,
                              created_by, args, args_version)
    values (v_run_at, v_now, v_attempts, v_priority, enqueue.deadline, v_timeout, v_queue, enqueue.task,
            session_user, enqueue.args, v_version)
    returning id into v_id;
  else
    return (taskflow.enqueue_job(
      task, args, queue, priority, run_at, delay, max_attempts, timeout, unique_key, tags, meta, tenant, deadline,
      unique_by, unique_scope, unique_while, unique_for, on_conflict, replace, depends_on, on_parent_failure,
      args_version)).id;
  end if;
  if v_run_at <= v_now and exists (select from taskflow.waiter w where w.tenant = 'default' and w.queue = v_queue) then
    perform taskflow.wake(v_queue);
  end if;
  return v_id;
end
$$;
