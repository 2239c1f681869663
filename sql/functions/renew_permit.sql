-- Keeps a permit for `lease` from now. Answers false when it had run out: somebody else may use it.
create or replace function taskflow.renew_permit(permit_id bigint, lease interval default '1 minute', tenant text default null)
returns boolean
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
begin
  update taskflow.limit_permit p set until = taskflow.now() + lease
   where p.tenant = taskflow.tenant_of(renew_permit.tenant) and p.id = renew_permit.permit_id
     and p.until > taskflow.now() and lease between interval '1 second' and interval '1 day';
  return found;
end
$$;
