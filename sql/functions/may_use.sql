-- Whether the session's user may name a tenant: see allow_tenant. Internal.
create or replace function taskflow.may_use(tenant text) returns boolean
language sql stable as $$
  select taskflow.may_read()
      or exists (select from taskflow.tenant_role t join pg_roles r on r.rolname = t.role
                  where t.tenant = may_use.tenant and pg_has_role(session_user, r.oid, 'member'))
      or (may_use.tenant = 'default' and not exists (
            select from taskflow.tenant_role t join pg_roles r on r.rolname = t.role
             where pg_has_role(session_user, r.oid, 'member')))
$$;
