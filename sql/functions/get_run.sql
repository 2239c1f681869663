-- One run of a workflow, as the producer that started it may see it: a role with no more than
-- taskflow_producer finds only runs that it started itself. No row: unknown, or pruned.
create or replace function taskflow.get_run(id bigint, tenant text default null)
returns setof taskflow.run_view
language sql stable security definer set search_path = taskflow, pg_temp as $$
  select v.* from taskflow.run_view v
   where v.tenant = taskflow.tenant_of(get_run.tenant) and v.id = get_run.id
     and (v.created_by = session_user or taskflow.may_read())
$$;
