-- The tenant that a call is for: the one it names, else the session's. The API is bound to the tenant that
-- it set for the transaction, and may name no other, whatever its own checks have let through. Raises
-- 42501. Internal.
create or replace function taskflow.tenant_of(tenant text) returns text
language sql stable as $$
  select case when current_setting('role', true) is distinct from 'taskflow_api'
                or coalesce(tenant, taskflow.bound_tenant()) = taskflow.bound_tenant()
              then coalesce(tenant, taskflow.current_tenant())
              else taskflow.refuse_tenant(tenant) end
$$;
