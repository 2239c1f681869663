-- One job with its outcome, as the producer that enqueued it may see it: a role with no more than
-- taskflow_producer finds only jobs that it enqueued itself. No row: unknown, or pruned.
create or replace function taskflow.get_job(id bigint, tenant text default null)
returns setof taskflow.job_view
language sql stable security definer set search_path = taskflow, pg_temp as $$
  select v.* from taskflow.job_view v
   where v.tenant = coalesce(get_job.tenant, taskflow.current_tenant()) and v.id = get_job.id
     and (v.created_by = session_user or taskflow.may_read())
$$;
