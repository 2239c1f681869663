-- The lane in which a job stands under the limits that hold for it; NULL where none does. A new lane is
-- made. Kept from being pruned until the caller's transaction ends. Internal.
create or replace function taskflow.find_lane(tenant text, queue text, task text, args jsonb) returns bigint
language plpgsql volatile as $$
#variable_conflict use_column
declare
  v_keys bigint[];
  v_id bigint;
begin
  select array_agg(k.id order by k.id) into v_keys
    from taskflow.job_limit l
   cross join lateral (
     select taskflow.find_limit_key(l.tenant, l.name, taskflow.limit_key_name(l.key, find_lane.args)) as id) k
   where l.tenant = find_lane.tenant
     and (l.queue = find_lane.queue or (l.queue is null and l.task is not null))
     and (l.task is null or l.task = find_lane.task);
  if v_keys is null then
    return null;
  end if;
  loop
    select n.id into v_id from taskflow.lane n
     where n.tenant = find_lane.tenant and n.queue = find_lane.queue and n.key_ids = v_keys for key share;
    if found then
      return v_id;
    end if;
    insert into taskflow.lane (tenant, queue, key_ids, created_at)
    values (find_lane.tenant, find_lane.queue, v_keys, taskflow.now())
    on conflict (tenant, queue, key_ids) do nothing;
  end loop;
end
$$;
