-- Estimates what the tenants with a quota for it store, from one page in a hundred of finished and dead jobs
-- and up to 10,000 live ones. Part of the upkeep. Internal.
create or replace function taskflow.measure_tenants(at_time timestamptz) returns void
language plpgsql volatile as $$
declare
  v_tenant text;
  v_bytes numeric;
begin
  for v_tenant in select t.tenant from taskflow.tenant t where t.max_storage_bytes is not null order by 1 loop
    select sum(s.bytes) into v_bytes from (
      select sum(pg_column_size(j.*)) as bytes
        from (select * from taskflow.job j where j.tenant = v_tenant limit 10000) j
      union all
      select 100 * sum(pg_column_size(h.*)) from taskflow.job_history h tablesample system (1) where h.tenant = v_tenant
      union all
      select 100 * sum(pg_column_size(d.*)) from taskflow.dead_job d tablesample system (1) where d.tenant = v_tenant) s;
    update taskflow.tenant t set storage_bytes = coalesce(v_bytes, 0), measured_at = at_time where t.tenant = v_tenant;
  end loop;
end
$$;
