-- Ends a schedule's pause, from the next tick on; those in between stand in the ledger as skipped, one
-- line for all of them, and can be backfilled. Answers whether it was paused. Locks: the schedule's row.
-- Raises TF150.
create or replace function taskflow.resume_schedule(name text, tenant text default null) returns boolean
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
declare
  v_now timestamptz := taskflow.now();
  v_s taskflow.schedule := taskflow.find_schedule(resume_schedule.name, resume_schedule.tenant);
  v_first timestamptz := v_s.next_at;
begin
  if v_s.paused_at is null then
    return false;
  end if;
  while exists (select from taskflow.schedule_tick t
                 where t.tenant = v_s.tenant and t.schedule = v_s.name and t.tick_at = v_first) loop
    v_first := taskflow.tick_after(v_s, v_first);  -- backfilled during the pause
  end loop;
  if v_first <= v_now then
    perform taskflow.note_tick(
      v_s, v_first, v_now, 'skipped',
      format('paused by %s%s', v_s.paused_by, coalesce(': ' || v_s.pause_reason, '')),
      until_at => case when taskflow.tick_after(v_s, v_first) <= v_now then v_now + interval '1 microsecond' end);
    v_s.last_tick_at := taskflow.newest_tick(v_s, v_first, v_now);
  end if;
  update taskflow.schedule s
     set paused_at = null, paused_by = null, pause_reason = null, last_tick_at = v_s.last_tick_at,
         next_at = case when not taskflow.is_spent(v_s) then taskflow.tick_after(v_s, greatest(v_now, v_s.last_tick_at)) end
   where s.tenant = v_s.tenant and s.name = v_s.name;
  perform taskflow.tell_event(v_s.tenant, 'schedule.resumed', jsonb_build_object('schedule', v_s.name, 'task', v_s.task), v_s.queue);
  return true;
end
$$;
