-- Closes a batch: no job is added any more, and it ends with the last that it has; at once, if that has
-- ended. Answers whether it was open. Raises TF164 for an unknown batch.
create or replace function taskflow.close_batch(id bigint, tenant text default null) returns boolean
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
declare
  v_tenant text := taskflow.tenant_of(close_batch.tenant);
  v_batch taskflow.batch := taskflow.find_batch(close_batch.id, v_tenant);
begin
  update taskflow.batch b set closed_at = taskflow.now()
   where b.tenant = v_tenant and b.id = v_batch.id and b.closed_at is null
  returning * into v_batch;
  if not found then
    return false;
  end if;
  perform taskflow.end_batch(v_batch);
  return true;
end
$$;
