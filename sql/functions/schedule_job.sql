-- Enqueues the job of a tick, writes the tick into the ledger as run, and answers the job's id. The job
-- belongs to who made the schedule, and its meta says which schedule and tick it comes from. Jitter is
-- read off the schedule and the tick: schedules of one time spread, and a tick always falls on the same
-- moment. K1: fails where the tick has its job already. Internal.
create or replace function taskflow.schedule_job(
  schedule taskflow.schedule, tick_at timestamptz, at_time timestamptz, reason text
) returns bigint
language plpgsql volatile as $$
declare
  v_share float8 := (hashtextextended(schedule.tenant || '/' || schedule.name || '/' || extract(epoch from tick_at), 0)
                     & 65535) / 65536.0;
  v_id bigint;
begin
  v_id := taskflow.enqueue(
    schedule.task, schedule.args, queue => schedule.queue,
    priority => taskflow.priority_name(schedule.priority),
    run_at => greatest(tick_at + coalesce(schedule.jitter * v_share, interval '0'), at_time),
    max_attempts => schedule.max_attempts, timeout => schedule.timeout, tags => schedule.tags,
    meta => coalesce(schedule.meta, '{}') || jsonb_build_object('schedule', schedule.name, 'tick', taskflow.tick_text(tick_at)),
    tenant => schedule.tenant);
  if schedule.created_by <> taskflow.caller() then
    update taskflow.job j set created_by = schedule.created_by where j.tenant = schedule.tenant and j.id = v_id;
  end if;
  if not taskflow.note_tick(schedule, tick_at, at_time, 'run', reason, v_id) then
    raise exception 'the tick of % of schedule % has its job already', taskflow.tick_text(tick_at), schedule.name
      using errcode = '40001';
  end if;
  return v_id;
end
$$;
