-- Gives a permit back. Answers whether it was still held.
create or replace function taskflow.release_permit(permit_id bigint, tenant text default null) returns boolean
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
declare
  v_permit taskflow.limit_permit;
begin
  delete from taskflow.limit_permit p
   where p.tenant = taskflow.tenant_of(release_permit.tenant) and p.id = release_permit.permit_id
  returning * into v_permit;
  if not found then
    return false;
  end if;
  perform from taskflow.limit_key k where k.tenant = v_permit.tenant and k.id = v_permit.key_id for share;
  perform taskflow.wake(q) from unnest(taskflow.ring_waiting(v_permit.tenant, v_permit.key_id, v_permit.weight)) q;
  return v_permit.until > taskflow.now();
end
$$;
