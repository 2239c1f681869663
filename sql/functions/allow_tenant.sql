-- Lets a role, and its members, name a tenant in enqueue, watch and get_job. It matters for roles with no
-- more than taskflow_producer: without any such grant they may name 'default' only, with some exactly
-- those. Workers, operators and the owner may name all. Raises TF110, TF111 for a role that does not
-- exist.
create or replace function taskflow.allow_tenant(role text, tenant text) returns void
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
begin
  perform taskflow.check_name('tenant', allow_tenant.tenant);
  if not exists (select from pg_roles r where r.rolname = allow_tenant.role) then
    raise exception 'role % does not exist', coalesce(quote_literal(left(role, 80)), 'NULL')
      using errcode = 'TF111', hint = 'Make it first: create role NAME login.';
  end if;
  insert into taskflow.tenant_role (tenant, role) values (allow_tenant.tenant, allow_tenant.role)
  on conflict on constraint tenant_role_pkey do nothing;
end
$$;
