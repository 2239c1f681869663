-- Makes a schedule, or edits the one of this name; answers its next tick. Give one of cron, every, at:
--   cron      five fields, or six with the seconds first; see cron_next. '@every 5m' is every
--   every     an interval from starts_at on, else from now; the first tick is one interval from now
--   at        once
-- Editing keeps what is not given, the ledger, the count of runs and a pause; 0, an empty text or
-- infinity takes an option back. Ticks that are due are fired first, as the schedule was.
--
-- The jobs get args, queue, priority, max_attempts, timeout, tags and meta, the rest from the task's
-- defaults, and {"schedule": name, "tick": time} in meta. Each runs up to `jitter` after its tick.
--   overlap   while the job of an earlier tick lives: allow (the default) another, skip the tick, queue
--             one tick until that job's end, or cancel_old
--   catch_up  of ticks that nobody fired within schedule_grace: none, last (the default), or all of
--             catch_up_span, by default a day
-- max_runs counts jobs. `paused` true or false pauses or resumes it, too.
-- Raises TF110-TF116, TF122 at max_schedules, TF151 for a cron expression. Locks: the schedule's row.
create or replace function taskflow.put_schedule(
  name text,
  task text default null,
  args jsonb default null,
  cron text default null,
  every interval default null,
  at timestamptz default null,
  time_zone text default null,
  queue text default null,
  priority text default null,
  max_attempts integer default null,
  timeout interval default null,
  tags text[] default null,
  meta jsonb default null,
  jitter interval default null,
  starts_at timestamptz default null,
  ends_at timestamptz default null,
  max_runs integer default null,
  overlap text default null,
  catch_up text default null,
  catch_up_span interval default null,
  paused boolean default null,
  tenant text default null
) returns timestamptz
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
#variable_conflict use_variable
declare
  v_old taskflow.schedule := taskflow.open_schedule(name, taskflow.tenant_of(tenant));
  v_s taskflow.schedule;
begin
  v_s := taskflow.schedule_from(v_old, jsonb_build_object(
    'task', task, 'args', args, 'cron', cron, 'every', every, 'at', at, 'time_zone', time_zone,
    'queue', queue, 'priority', priority, 'max_attempts', max_attempts, 'timeout', timeout, 'tags', tags,
    'meta', meta, 'jitter', jitter, 'starts_at', starts_at, 'ends_at', ends_at, 'max_runs', max_runs,
    'overlap', overlap, 'catch_up', catch_up, 'catch_up_span', catch_up_span));
  v_s := taskflow.save_schedule(v_s, v_old);
  if paused then
    perform taskflow.pause_schedule(v_s.name, null, v_s.tenant);
  elsif not paused then
    perform taskflow.resume_schedule(v_s.name, v_s.tenant);
  end if;
  return (select s.next_at from taskflow.schedule s where s.tenant = v_s.tenant and s.name = v_s.name);
end
$$;
