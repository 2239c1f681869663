-- Enqueues one job of a task for each object of the array `args`, all with the same options, in one
-- statement. Answers the ids by position; NULL stands where an item was refused, and
-- `refused` then lists [{"position": 0-based, "code": "TF114", "message": ...}], else it is NULL.
-- unique_keys, when given, is parallel to args. With it or unique_by, a taken key gives its holder's
-- id and `outcomes` says of each item: enqueued, existing, replaced, merged or refused; else it is
-- NULL. The options from unique_by on are those of enqueue_job.
-- Raises TF110-TF112 for bad options, TF113 when args is no array, TF120 for an unknown parent, TF122
-- when it is too long, 42501 for a tenant that is not the caller's (see allow_tenant).
create or replace function taskflow.enqueue_many(
  task text,
  args jsonb,
  queue text default null,
  priority text default null,
  run_at timestamptz default null,
  delay interval default null,
  max_attempts integer default null,
  timeout interval default null,
  unique_keys text[] default null,
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
  out ids bigint[],
  out refused jsonb,
  out outcomes text[]
)
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
#variable_conflict use_column
declare
  v_job taskflow.job;
  v_rule taskflow.unique_rule;
  v_max_bytes integer := taskflow.config('max_args_bytes')::integer;
  v_count integer;
begin
  v_rule := taskflow.check_unique(
    case when unique_keys is not null then 'given' end, unique_by, unique_scope, unique_while, unique_for, on_conflict, replace);
  v_job := taskflow.job_template(
    enqueue_many.task, enqueue_many.queue, enqueue_many.priority, enqueue_many.run_at, enqueue_many.delay,
    enqueue_many.max_attempts, enqueue_many.timeout, enqueue_many.deadline, enqueue_many.tags,
    enqueue_many.meta, enqueue_many.tenant);
  v_job.args_version := args_version;
  v_job.unique_scope := taskflow.unique_scope_of(unique_scope, unique_by, enqueue_many.task);
  if args is null or jsonb_typeof(args) <> 'array' then
    raise exception 'args must be a JSON array of objects, got %', coalesce(jsonb_typeof(args), 'NULL')
      using errcode = 'TF113', hint = 'Write [{"name": value}, ...], one object for each job.';
  end if;
  v_count := jsonb_array_length(args);
  if v_count > taskflow.config('max_items')::integer then
    raise exception '% jobs in one call, the limit is %', v_count, taskflow.config('max_items')
      using errcode = 'TF122', hint = 'Split the call, or raise max_items in taskflow.config.';
  end if;
  if v_job.tenant <> 'default' then
    perform taskflow.check_quota(v_job.tenant, v_count);
  end if;
  if not taskflow.is_list(unique_keys) then
    raise exception 'unique_keys must be a plain list'
      using errcode = 'TF111', hint = 'Give an array of one dimension, counted from 1.';
  elsif cardinality(unique_keys) <> v_count then
    raise exception '% unique_keys for % jobs', cardinality(unique_keys), v_count
      using errcode = 'TF111', hint = 'Give one for each, NULL where a job has none.';
  end if;
  if (args_version is not null or not taskflow.is_published(enqueue_many.task)) and v_rule.holds is null and depends_on is null and not taskflow.has_limits(v_job.tenant, v_job.queue, v_job.task)
     and not exists (
       select from jsonb_array_elements(args) a where not taskflow.args_ok(a, v_max_bytes)) then
    with new as (
      insert into taskflow.job (run_at, created_at, max_attempts, priority, deadline, timeout, tenant,
                                queue, task, created_by, tags, args, meta, args_version)
      select v_job.run_at, v_job.created_at, v_job.max_attempts, v_job.priority, v_job.deadline,
             v_job.timeout, v_job.tenant, v_job.queue, v_job.task, v_job.created_by, v_job.tags,
             a, v_job.meta, coalesce(v_job.args_version, taskflow.published_version(v_job.task))
        from jsonb_array_elements(args) a
      returning id)
    select array_agg(id order by id) into ids from new;
  else
    select r.ids, r.refused, case when v_rule.holds is not null then r.outcomes end into ids, refused, outcomes
      from taskflow.enqueue_each(v_job, args, unique_keys, v_rule, v_max_bytes, depends_on, on_parent_failure) r;
  end if;
  if v_job.run_at <= v_job.created_at then
    perform taskflow.wake(v_job.queue);
  end if;
end
$$;
