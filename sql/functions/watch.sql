-- Asks for a notification 'done <id>' on channel taskflow when the job, run or batch ends, for a minute.
-- Look at it after this and before sleeping: it may have ended in between.
-- Raises 42501 for a tenant that is not the caller's (see allow_tenant).
create or replace function taskflow.watch(id bigint, tenant text default null) returns void
language sql volatile security definer set search_path = taskflow, pg_temp as $$
  select taskflow.check_tenant(taskflow.tenant_of(watch.tenant));
  insert into taskflow.watcher (tenant, job_id, until)
  values (taskflow.tenant_of(watch.tenant), watch.id, taskflow.now() + interval '1 minute')
  on conflict (tenant, job_id) do update set until = excluded.until
$$;
