-- Deals with all due ticks of a schedule whose row the caller has locked, oldest first: each becomes a
-- job or is passed over, and is written into the ledger with its reason; then next_at moves on. Answers
-- how many jobs it made. A tick of `overlap` 'queue' waits in queued_at for the job before it. Locks:
-- with 'cancel_old', the job before. Internal.
create or replace function taskflow.fire_one(schedule taskflow.schedule, at_time timestamptz) returns integer
language plpgsql volatile as $$
declare
  v_s taskflow.schedule := schedule;
  v_tick timestamptz := v_s.next_at;
  v_on_time timestamptz := at_time - taskflow.config('schedule_grace')::interval;
  v_limit integer := taskflow.config('max_catch_up')::integer;
  v_oldest timestamptz := at_time - coalesce(v_s.catch_up_span, case v_s.catch_up when 'all' then interval '1 day' end);
  v_newest timestamptz;  -- with catch-up of the last one: the only tick that runs late
  v_next timestamptz;
  v_until timestamptz;
  v_skip text;
  v_tried integer := 0;
  v_passed integer := 0;
begin
  if v_s.queued_at is not null and taskflow.live_state(v_s.tenant, v_s.last_job_id) is null then
    v_s := taskflow.run_tick(v_s, v_s.queued_at, at_time, 'waited for the job before');
    v_s.queued_at := null;
  end if;
  if v_s.catch_up = 'last' and v_tick < v_on_time then
    v_newest := taskflow.newest_tick(v_s, v_tick, at_time);
  end if;
  while v_tick <= at_time and not taskflow.is_spent(v_s) loop
    v_next := taskflow.tick_after(v_s, v_tick);
    v_until := null;
    v_skip := case
      when v_tried >= v_limit then format('more than %s at a time', v_limit)
      when v_tick >= v_on_time then null
      when v_s.catch_up = 'none' or v_tick < v_oldest or v_tick < v_newest then 'missed'
    end;
    if v_skip is not null and v_passed >= 100 then
      -- the rest of a long outage is one line
      v_until := case when v_tried >= v_limit then at_time + interval '1 microsecond'
                      when v_s.catch_up = 'all' then least(v_oldest, v_on_time)
                      when v_newest >= coalesce(v_oldest, '-infinity') then least(v_newest, v_on_time)
                      else v_on_time end;
      v_next := taskflow.tick_after(v_s, v_until - interval '1 microsecond');
    end if;
    if exists (select from taskflow.schedule_tick t
                where t.tenant = v_s.tenant and t.schedule = v_s.name and t.tick_at = v_tick) then
      null;  -- K1: what the ledger knows is done: a clock that leapt back, a backfill that came first
    elsif v_skip is not null then
      perform taskflow.note_tick(v_s, v_tick, at_time, 'skipped', v_skip, until_at => v_until);
      v_passed := v_passed + 1;
    else
      v_s := taskflow.fire_tick(v_s, v_tick, at_time, case when v_tick < v_on_time then 'caught up' end);
      v_tried := v_tried + 1;
    end if;
    v_s.last_tick_at := greatest(v_s.last_tick_at, v_tick, v_until - interval '1 microsecond');
    v_tick := v_next;
  end loop;
  -- K4: compare and set. Whoever calls without the lock and loses takes everything back.
  update taskflow.schedule s
     set next_at = case when not taskflow.is_spent(v_s) then v_tick end, queued_at = v_s.queued_at,
         runs = v_s.runs, last_tick_at = v_s.last_tick_at, last_job_id = v_s.last_job_id
   where s.tenant = v_s.tenant and s.name = v_s.name and s.next_at is not distinct from schedule.next_at
     and s.queued_at is not distinct from schedule.queued_at;
  if not found then
    raise exception 'schedule % was fired by another session', schedule.name using errcode = '40001';
  end if;
  return v_s.runs - schedule.runs;
end
$$;
