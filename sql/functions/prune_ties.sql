-- Removes what ties jobs together once nobody asks for it any more, some thousand rows at a call: unique
-- keys whose time is over, dependencies older than all history, permits and starts that have run out,
-- lanes and keys without jobs. Also rings for lanes whose bell was lost with a restored backup. Internal.
create or replace function taskflow.prune_ties(at_time timestamptz) returns void
language plpgsql volatile as $$
begin
  delete from taskflow.unique_window w
   where (w.tenant, w.scope, w.key) in (
     select o.tenant, o.scope, o.key from taskflow.unique_window o
      where o.expires_at < at_time order by o.expires_at limit 10000 for update skip locked);
  delete from taskflow.dependency d
   where d.created_at < at_time - taskflow.config('history_retention')::interval and d.ended_as is not null
     and (d.tenant, d.parent_id, d.child_id) in (
       select o.tenant, o.parent_id, o.child_id from taskflow.dependency o
        where o.created_at < at_time - taskflow.config('history_retention')::interval order by o.created_at limit 10000);
  delete from taskflow.limit_permit p where p.until < at_time - interval '1 day';
  delete from taskflow.limit_start s where s.at < at_time - interval '31 days';
  -- a producer that is about to use a lane holds its row shared
  delete from taskflow.lane n
   where (n.tenant, n.id) in (
     select o.tenant, o.id from taskflow.lane o
      where o.created_at < at_time - interval '1 day' and o.blocked_on is null
        and not exists (select from taskflow.job j where j.lane_id = o.id)
        and not exists (select from taskflow.lane_bell b where b.lane_id = o.id)
      limit 1000 for update skip locked);
  delete from taskflow.limit_key k
   where (k.tenant, k.id) in (
     select o.tenant, o.id from taskflow.limit_key o
      where not exists (select from taskflow.job_limit l where l.tenant = o.tenant and l.name = o.limit_name)
        and not exists (select from taskflow.lane n where n.tenant = o.tenant and o.id = any (n.key_ids))
      limit 1000 for update skip locked);
  insert into taskflow.lane_bell (tenant, lane_id, queue, at)
  select n.tenant, n.id, n.queue, at_time from taskflow.lane n
   where n.blocked_on is null and n.created_at < at_time - interval '1 minute'
     and exists (select from taskflow.job j where j.lane_id = n.id and j.state = 'ready' and j.run_at <= at_time)
     and not exists (select from taskflow.lane_bell b where b.lane_id = n.id);
end
$$;
