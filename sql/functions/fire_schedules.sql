-- Fires what is due: makes the jobs of all ticks up to now, at most 50 schedules at a call. Answers how
-- many jobs it made, and in how many seconds the next tick is due (0 or less: call again; NULL: none
-- is). Any number may call it at any time: a tick, its job and the schedule's next time are written in
-- one transaction, under the lock of the schedule's row, and who finds that row locked leaves it.
-- Nothing due costs two looks into small indexes.
-- Locks: the schedules that it fires; the job before, where a schedule says cancel_old.
create or replace function taskflow.fire_schedules(out fired integer, out due_in double precision)
language plpgsql volatile security definer set search_path = taskflow, pg_temp
-- a job that somebody holds must not hold up the schedules
set lock_timeout = '200ms'
as $$
declare
  v_now timestamptz := taskflow.now();
  v_schedule taskflow.schedule;
begin
  fired := 0;
  for v_schedule in
    select * from taskflow.schedule s
     where s.queued_at is not null and s.paused_at is null
       and not exists (select from taskflow.job j where j.tenant = s.tenant and j.id = s.last_job_id)
     order by s.queued_at limit 50 for update of s skip locked
  loop
    fired := fired + taskflow.fire_guarded(v_schedule, v_now);
  end loop;
  for v_schedule in
    select * from taskflow.schedule s
     where s.next_at <= v_now and s.paused_at is null
     order by s.next_at limit 50 for update skip locked
  loop
    fired := fired + taskflow.fire_guarded(v_schedule, v_now);
  end loop;
  due_in := taskflow.due_in();
end
$$;
