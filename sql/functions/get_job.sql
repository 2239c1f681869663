-- One job with its outcome, as the producer that enqueued it may see it: a role with no more than
-- taskflow_producer finds only jobs that it enqueued itself, of tenants that are its own (see
-- allow_tenant). No row: unknown, pruned, or not the caller's to see.
create or replace function taskflow.get_job(id bigint, tenant text default null)
returns setof taskflow.job_view
language sql stable security definer set search_path = taskflow, pg_temp as $$
  select v.* from taskflow.job_view v
   where v.tenant = taskflow.tenant_of(get_job.tenant) and v.id = get_job.id
     and (taskflow.may_read() or (v.created_by = session_user and taskflow.may_use(v.tenant)))
$$;
