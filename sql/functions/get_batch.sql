-- One batch with its counts, as get_run shows runs. No row: unknown, or pruned.
create or replace function taskflow.get_batch(id bigint, tenant text default null)
returns setof taskflow.batch_view
language sql stable security definer set search_path = taskflow, pg_temp as $$
  select v.* from taskflow.batch_view v
   where v.tenant = taskflow.tenant_of(get_batch.tenant) and v.id = get_batch.id
     and (v.created_by = session_user or taskflow.may_read())
$$;
