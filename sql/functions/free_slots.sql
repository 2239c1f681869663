-- Gives back what jobs used of their limits, and has lanes looked at that wait for it. An ordered key
-- stays its job's own over a retry (`for_retry`). With `ended`, 'failed' and 'completed' drive the
-- breakers of the keys. Locks: the keys, shared, in the order of their ids: a claim that is counting
-- them ends first, so that what it leaves waiting is seen here. Internal.
create or replace function taskflow.free_slots(
  tenant text, job_ids bigint[], ended text default null, for_retry boolean default false
) returns void
language plpgsql volatile as $$
declare
  v_keys bigint[];
  v_rooms bigint[];
begin
  with gone as (
    delete from taskflow.limit_slot s
     where s.tenant = free_slots.tenant and s.job_id = any (job_ids)
       and not (for_retry and exists (
             select from taskflow.limit_key k
               join taskflow.job_limit l on l.tenant = k.tenant and l.name = k.limit_name
              where k.tenant = s.tenant and k.id = s.key_id and l.is_ordered))
    returning s.key_id, s.weight)
  select array_agg(g.key_id order by g.key_id), array_agg(g.room order by g.key_id) into v_keys, v_rooms
    from (select g.key_id, sum(g.weight) as room from gone g group by g.key_id) g;
  if v_keys is null then
    return;
  end if;
  perform from taskflow.limit_key k where k.tenant = free_slots.tenant and k.id = any (v_keys) order by k.id for share;
  if ended in ('failed', 'completed') then
    perform taskflow.note_end(free_slots.tenant, v_keys, ended = 'failed');
  end if;
  perform taskflow.wake(q.queue)
     from (select distinct q as queue from unnest(v_keys, v_rooms) u (key_id, room)
            cross join unnest(taskflow.ring_waiting(free_slots.tenant, u.key_id, u.room::integer)) q) q;
end
$$;
