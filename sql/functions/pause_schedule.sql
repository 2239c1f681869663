-- Stops a schedule until resume_schedule; jobs that it made go on. Ticks that fall into the pause are
-- not made up for: resume_schedule writes them into the ledger as skipped. Locks: the schedule's row.
-- Raises TF150.
create or replace function taskflow.pause_schedule(name text, reason text default null, tenant text default null)
returns void
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
declare
  v_s taskflow.schedule := taskflow.find_schedule(pause_schedule.name, pause_schedule.tenant);
begin
  update taskflow.schedule s
     set paused_at = taskflow.now(), paused_by = taskflow.caller(), pause_reason = left(pause_schedule.reason, 1000)
   where s.tenant = v_s.tenant and s.name = v_s.name;
  perform taskflow.tell_event(v_s.tenant, 'schedule.paused', jsonb_build_object(
    'schedule', v_s.name, 'task', v_s.task, 'reason', left(pause_schedule.reason, 1000)), v_s.queue);
end
$$;
