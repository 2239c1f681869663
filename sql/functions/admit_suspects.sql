-- Lets suspects run, one at a time in each queue: while one runs or is due, the others stand aside. So a
-- job that kills workers takes none with it that already lost two of them, and those that only stood
-- beside it end well. The next is the first by priority and id; it changes places with a less urgent one
-- that no worker has taken yet. It keeps its run time: sent to the end of the line, each would wait for
-- the whole backlog, and so would all behind it. Those of a paused queue hold up nobody.
-- Locks: the jobs moved, skipping the locked; a second caller leaves it to the first. Internal.
create or replace function taskflow.admit_suspects(at_time timestamptz) returns void
language plpgsql volatile as $$
declare
  v_least integer;
  v_queue text;
  v_paused text[];
  v_next record;
begin
  if not exists (select from taskflow.job j where j.lost > 0 and j.priority >= 10 and j.lane_id is null)
     or not pg_try_advisory_xact_lock(hashtext('taskflow.suspects')) then
    return;
  end if;
  v_least := taskflow.config('max_lost')::integer - 1;
  for v_queue in
    select distinct j.queue from taskflow.job j
     where j.lost > 0 and j.priority >= 10 and j.lane_id is null
  loop
    with cleared as materialized (  -- by a raised max_lost: they go all at once
      select s.ctid as place from taskflow.job s
       where s.queue = v_queue and s.lost > 0 and s.lost < v_least and s.priority >= 10 and s.lane_id is null
         for update skip locked)
    update taskflow.job j set priority = j.priority - 10 from cleared c where j.ctid = c.place;
    if found then
      perform taskflow.wake(v_queue);
    end if;
    v_paused := array(select q.tenant from taskflow.queue q
                       where q.name = v_queue and q.paused_at is not null
                         and (q.resume_at is null or q.resume_at > at_time));
    select s.tenant, s.id, s.priority - 10 as priority into v_next from taskflow.job s
     where s.queue = v_queue and s.lost > 0 and s.lost >= v_least and s.priority >= 10 and s.lane_id is null
       and s.run_at <= at_time and s.tenant <> all (v_paused)
     order by s.priority, s.id limit 1 for update skip locked;
    continue when not found;
    with later as materialized (
      select s.ctid as place from taskflow.job s
       where s.queue = v_queue and s.lost > 0 and s.lost >= v_least and s.priority < 10 and s.lane_id is null
         and s.priority > v_next.priority and s.state = 'ready'
         for update skip locked)
    update taskflow.job j set priority = j.priority + 10 from later l where j.ctid = l.place;
    continue when exists (
      select from taskflow.job s
       where s.queue = v_queue and s.lost > 0 and s.lost >= v_least and s.priority < 10 and s.lane_id is null
         and (s.state = 'running' or (s.run_at <= at_time and s.tenant <> all (v_paused))));
    update taskflow.job j set priority = v_next.priority where j.tenant = v_next.tenant and j.id = v_next.id;
    perform taskflow.wake(v_queue);
  end loop;
end
$$;
