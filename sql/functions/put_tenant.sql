-- Makes a tenant or changes its quotas: NULL stays as it is, 0 takes a quota back. Only the installation's own
-- tenant, default, may: raises 42501. Raises TF110 for a name that cannot be, TF111 for a quota of default, TF193 where `expected` is not the
-- version that is there. Answers whether it is new.
create or replace function taskflow.put_tenant(
  name text, max_live_jobs integer default null, max_requests integer default null, max_storage_bytes bigint default null,
  disabled boolean default null, expected integer default null
) returns boolean
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
#variable_conflict use_column
declare
  v_now timestamptz := taskflow.now();
  v_is_new boolean;
begin
  perform taskflow.tenant_of('default'), taskflow.check_name('tenant', put_tenant.name);
  if put_tenant.name = 'default' and put_tenant.disabled then
    raise exception 'the tenant default runs the installation' using errcode = 'TF191', hint = 'Disable its users and keys instead.';
  elsif put_tenant.name = 'default' and num_nonnulls(max_live_jobs, max_storage_bytes) > 0 then
    raise exception 'the tenant default has no quota of jobs or bytes'
      using errcode = 'TF111', hint = 'Quotas of jobs are for other tenants: the plain path of an enqueue asks for none.';
  end if;
  insert into taskflow.tenant (tenant, created_at, created_by) values (put_tenant.name, v_now, taskflow.caller())
  on conflict on constraint tenant_pkey do nothing;
  v_is_new := found;
  perform taskflow.check_version(t.version, case when not v_is_new then expected end)
     from taskflow.tenant t where t.tenant = put_tenant.name for update;
  update taskflow.tenant t
     set max_live_jobs = nullif(coalesce(put_tenant.max_live_jobs, t.max_live_jobs), 0),
         max_requests = nullif(coalesce(put_tenant.max_requests, t.max_requests), 0),
         max_storage_bytes = nullif(coalesce(put_tenant.max_storage_bytes, t.max_storage_bytes), 0),
         disabled_at = case when put_tenant.disabled then coalesce(t.disabled_at, v_now) when not put_tenant.disabled then null else t.disabled_at end,
         version = t.version + case when v_is_new then 0 else 1 end
   where t.tenant = put_tenant.name;
  return v_is_new;
end
$$;
