-- Refuses a tenant that the session's user may not name. While no role was given one, 'default' is
-- everybody's and costs one look at an empty table. Raises 42501. Internal.
create or replace function taskflow.check_tenant(tenant text) returns void
language plpgsql stable as $$
begin
  if (tenant <> 'default' or exists (select from taskflow.tenant_role)) and not taskflow.may_use(tenant) then
    raise exception 'role % may not use tenant %', session_user, quote_literal(left(tenant, 80))
      using errcode = '42501',
            hint = format('An operator can allow it: select taskflow.allow_tenant(%L, %L).', session_user, left(tenant, 80));
  end if;
end
$$;
