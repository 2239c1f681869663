-- Writes what became of a tick into the ledger. K1: a tick that has its job stays as it is; answers
-- whether it was written, and who has just made a job must take it back if not. Internal.
create or replace function taskflow.note_tick(
  schedule taskflow.schedule, tick_at timestamptz, at_time timestamptz, status text, reason text,
  job_id bigint default null, until_at timestamptz default null
) returns boolean
language plpgsql volatile as $$
begin
  insert into taskflow.schedule_tick as t (tenant, schedule, tick_at, until_at, status, reason, job_id, fired_at, late_by)
  values (schedule.tenant, schedule.name, note_tick.tick_at, note_tick.until_at, note_tick.status,
          left(note_tick.reason, 1000), note_tick.job_id, note_tick.at_time, note_tick.at_time - note_tick.tick_at)
  on conflict on constraint schedule_tick_pkey do update
     set until_at = excluded.until_at, status = excluded.status, reason = excluded.reason,
         job_id = excluded.job_id, fired_at = excluded.fired_at, late_by = excluded.late_by
   where t.status <> 'run';
  return found;
end
$$;
