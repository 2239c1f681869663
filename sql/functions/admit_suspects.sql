-- Lets suspects run, one at a time in each queue: while one runs or is due, the others stand aside. So a
-- job that kills workers takes none with it that already lost two of them, and those that only stood
-- beside it end well. The next is the first by priority and id, and keeps its place in the line: sent to
-- the end of it, each would wait for the whole backlog, and so would all behind it.
-- Locks: the jobs admitted, skipping the locked; a second caller leaves it to the first. Internal.
create or replace function taskflow.admit_suspects(at_time timestamptz) returns void
language plpgsql volatile as $$
declare
  v_max_lost integer;
  v_queue text;
begin
  if not exists (select from taskflow.job j where j.lost > 0 and j.priority >= 10 and j.lane_id is null)
     or not pg_try_advisory_xact_lock(hashtext('taskflow.suspects')) then
    return;
  end if;
  v_max_lost := taskflow.config('max_lost')::integer;
  for v_queue in
    select distinct j.queue from taskflow.job j
     where j.lost > 0 and j.priority >= 10 and j.lane_id is null
  loop
    with cleared as materialized (  -- by a raised max_lost: they go all at once
      select s.ctid as place from taskflow.job s
       where s.queue = v_queue and s.lost > 0 and s.lost < v_max_lost - 1 and s.priority >= 10 and s.lane_id is null
         for update skip locked),
    next as materialized (
      select s.ctid as place from taskflow.job s
       where s.queue = v_queue and s.lost > 0 and s.lost >= v_max_lost - 1 and s.priority >= 10 and s.lane_id is null
         and s.run_at <= at_time
         and not exists (
           select from taskflow.job o
            where o.queue = v_queue and o.lost > 0 and o.lost >= v_max_lost - 1 and o.priority < 10
              and o.lane_id is null and (o.state = 'running' or o.run_at <= at_time))
       order by s.priority, s.id limit 1 for update of s skip locked)
    update taskflow.job j set priority = j.priority - 10
      from (select place from cleared union all select place from next) a
     where j.ctid = a.place;
    if found then
      perform taskflow.wake(v_queue);
    end if;
  end loop;
end
$$;
