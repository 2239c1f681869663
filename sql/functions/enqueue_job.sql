-- Enqueues one job as taskflow.enqueue does, and answers what became of it beside its id: enqueued, or
-- the job that holds the unique key is existing (left as it is), replaced or merged.
--
--   unique_key    at most one live job with this key; or
--   unique_by     the same for the arguments named, {*} for all of them
--   unique_scope  where the key holds: queue (default), task (default for unique_by) or tenant
--   unique_while  live (default: until the job has finished) or waiting (until it begins to run)
--   unique_for    instead: for this long from now, whatever becomes of the job
--   on_conflict   existing (default), raise, replace the waiting job, or merge: join array arguments
--   replace       what is replaced: args, priority, run_at, max_attempts, timeout, deadline, tags, meta
--                 (default all: debounce; without run_at: throttle)
--   depends_on    ids of jobs that must succeed first
--   on_parent_failure  cancel (default) or continue, when one of them does not
--
--   args_version  the version of the task's contract for which the arguments were made; not given: the
--                 published one, whose defaults are filled in, and which is checked
--
-- A role that sees only its own jobs (see get_job) gets the id of a holder that another role enqueued,
-- and no more of it.
-- Raises TF110-TF116, TF118, TF120 for an unknown parent, TF123 for on_conflict raise, 42501 for a tenant
-- that is not the caller's (see allow_tenant).
create or replace function taskflow.enqueue_job(
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
  args_version integer default null,
  out id bigint,
  out outcome text
)
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
#variable_conflict use_variable
declare
  v_rule taskflow.unique_rule;
  v_job taskflow.job;
begin
  v_rule := taskflow.check_unique(unique_key, unique_by, unique_scope, unique_while, unique_for, on_conflict, replace);
  v_job := taskflow.job_template(
    task, queue, priority, run_at, delay, max_attempts, timeout, deadline, tags, meta, tenant);
  if v_job.tenant <> 'default' then
    perform taskflow.check_quota(v_job.tenant, 1);
  end if;
  if args_version is null then
    args := taskflow.fit_args(task, args);
  end if;
  perform taskflow.check_args(args, taskflow.config('max_args_bytes')::integer);
  v_job.args := args;
  v_job.args_version := args_version;
  v_job.unique_key := coalesce(unique_key, taskflow.unique_key_of(args, unique_by));
  v_job.unique_scope := taskflow.unique_scope_of(unique_scope, unique_by, task);
  select p.id, p.outcome into id, outcome
    from taskflow.place_job(v_job, v_rule, depends_on, on_parent_failure) p;
  if v_job.run_at <= v_job.created_at then
    perform taskflow.wake(v_job.queue);
  end if;
end
$$;
