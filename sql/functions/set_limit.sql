-- Makes or changes a limit. It holds for the jobs of `queue`, of `task`, or of both together; for none of
-- them by itself when neither is named: then take_permit asks for it. Jobs that wait already come under it.
--
--   key          one limit for each key that this template makes of a job's arguments:
--                'tenant:{tenant_id}'; empty: one for all
--   concurrency  how many may run at once
--   ordered      strictly one after the other, a failed one first until it has ended (concurrency 1)
--   rate, per    how many may start in every window of this length, wherever it lies
--   burst        instead of the window, a bucket of so many tokens that gains `rate` in each `per`
--   weight_by    the argument that says how much a job counts; 1 for jobs without it
--   breaker_failures, breaker_window, breaker_cooldown
--                so many failures within the window hold its jobs for the cooldown; then one probes
--
-- Raises TF110, TF111, TF112. Locks: the waiting jobs that it holds for.
create or replace function taskflow.set_limit(
  name text,
  queue text default null,
  task text default null,
  key text default '',
  concurrency integer default null,
  ordered boolean default false,
  rate integer default null,
  per interval default null,
  burst integer default null,
  weight_by text default null,
  breaker_failures integer default null,
  breaker_window interval default '1 minute',
  breaker_cooldown interval default '30 seconds',
  tenant text default null
) returns void
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
#variable_conflict use_variable
declare
  v_tenant text := taskflow.tenant_of(tenant);
  v_old taskflow.job_limit;
  v_new taskflow.job_limit;
begin
  perform taskflow.check_name('limit', name);
  perform taskflow.check_name('tenant', v_tenant);
  if queue is not null then
    perform taskflow.check_name('queue', queue);
  end if;
  perform taskflow.check_limit(key, concurrency, ordered, rate, per, burst, breaker_failures, breaker_window, breaker_cooldown);
  select * into v_old from taskflow.job_limit l where l.tenant = v_tenant and l.name = set_limit.name for update;
  insert into taskflow.job_limit as l (tenant, name, queue, task, key, concurrency, is_ordered, rate, period, burst,
    weight_by, breaker_failures, breaker_window, breaker_cooldown, created_at, created_by)
  values (v_tenant, name, queue, task, coalesce(key, ''), coalesce(concurrency, case when ordered then 1 end),
          coalesce(ordered, false), rate, per, burst, weight_by, breaker_failures,
          case when breaker_failures is not null then breaker_window end,
          case when breaker_failures is not null then breaker_cooldown end, taskflow.now(), taskflow.caller())
  on conflict on constraint job_limit_pkey do update
     set queue = excluded.queue, task = excluded.task, key = excluded.key, concurrency = excluded.concurrency,
         is_ordered = excluded.is_ordered, rate = excluded.rate, period = excluded.period, burst = excluded.burst,
         weight_by = excluded.weight_by, breaker_failures = excluded.breaker_failures,
         breaker_window = excluded.breaker_window, breaker_cooldown = excluded.breaker_cooldown
  returning l.* into v_new;
  if v_new is not distinct from v_old then
    return;  -- each worker that starts says its limits again
  end if;
  if (v_old.queue, v_old.task) is distinct from (queue, task) then
    perform taskflow.relane_all(v_tenant, v_old.queue, v_old.task);
  end if;
  -- every lane under it is looked at anew, as its rooms may have changed
  perform taskflow.relane_all(v_tenant, queue, task);
end
$$;
