-- Takes back what allow_tenant gave. Answers whether there was something to take.
create or replace function taskflow.forbid_tenant(role text, tenant text) returns boolean
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
begin
  delete from taskflow.tenant_role t where t.tenant = forbid_tenant.tenant and t.role = forbid_tenant.role;
  return found;
end
$$;
