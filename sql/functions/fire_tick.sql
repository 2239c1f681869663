-- One tick that is to run, under the schedule's policy for a job before it that still lives: both
-- run (allow), the tick is passed over (skip), it waits for that one's end (queue, one at a time), or
-- that one is cancelled (cancel_old). Answers the schedule as it is then. Internal.
create or replace function taskflow.fire_tick(
  schedule taskflow.schedule, tick_at timestamptz, at_time timestamptz, reason text
) returns taskflow.schedule
language plpgsql volatile as $$
declare
  v_s taskflow.schedule := schedule;
  v_state text;
begin
  if v_s.overlap <> 'allow' then
    v_state := taskflow.live_state(v_s.tenant, v_s.last_job_id);
  end if;
  if v_state is null then
    return taskflow.run_tick(v_s, tick_at, at_time, reason);
  elsif v_s.overlap = 'cancel_old' then
    perform taskflow.cancel(v_s.last_job_id, format('replaced by the tick of %s', taskflow.tick_text(tick_at)), v_s.tenant);
    return taskflow.run_tick(v_s, tick_at, at_time, format('replaced job %s', v_s.last_job_id));
  elsif v_s.overlap = 'skip' then
    perform taskflow.note_tick(v_s, tick_at, at_time, 'skipped', format('overlap: job %s is %s', v_s.last_job_id, v_state));
  elsif v_s.queued_at is not null then
    perform taskflow.note_tick(v_s, tick_at, at_time, 'skipped',
                               format('overlap: the tick of %s waits already', taskflow.tick_text(v_s.queued_at)));
  else
    v_s.queued_at := tick_at;
    perform taskflow.note_tick(v_s, tick_at, at_time, 'queued', format('job %s is %s', v_s.last_job_id, v_state));
  end if;
  return v_s;
end
$$;
