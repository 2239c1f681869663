-- Locks what the end of these jobs will touch, in the one order that all keep to: jobs and those that wait
-- for them, then runs, then batches. For settle_many, whose other ends come one by one and would take
-- runs and batches in the order of the jobs. Does nothing unless one of `others` is followed. Internal.
create or replace function taskflow.lock_ends(ids bigint[], tenants text[], others jsonb) returns void
language plpgsql volatile as $$
declare
  v_tenant text;
  v_ids bigint[];
begin
  if not exists (
    select from jsonb_array_elements(others) o
      join taskflow.job j on j.tenant = any (array[coalesce(o ->> 'tenant', 'default')])
       and j.id = case when o ->> 'id' ~ '^\d{1,18}$' then (o ->> 'id')::bigint end
     where j.is_followed) then
    return;
  end if;
  for v_tenant, v_ids in
    select g.tenant, array_agg(g.id order by g.id)
      from (select coalesce(u.tenant, 'default') as tenant, u.id from unnest(ids, tenants) u (id, tenant)
             union all
            select coalesce(o ->> 'tenant', 'default'), case when o ->> 'id' ~ '^\d{1,18}$' then (o ->> 'id')::bigint end
              from jsonb_array_elements(others) o) g
     group by g.tenant order by g.tenant
  loop
    v_ids := array(
      with recursive told (id) as (
        select unnest(v_ids)
        union
        select d.child_id from told t join taskflow.dependency d on d.tenant = v_tenant and d.parent_id = t.id and d.ended_as is null)
      select t.id from told t where t.id is not null);
    perform from taskflow.job j where j.tenant = v_tenant and j.id = any (v_ids) order by j.id for update;
    perform taskflow.lock_runs(v_tenant, v_ids);
    perform from taskflow.batch b
      where b.tenant = v_tenant and b.id in (select m.batch_id from taskflow.batch_job m where m.tenant = v_tenant and m.job_id = any (v_ids))
      order by b.id for no key update;
  end loop;
end
$$;
