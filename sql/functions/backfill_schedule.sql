-- Makes the jobs of past ticks, from `since` to before `until`, that have none: ticks from before the
-- schedule was made, that were missed, or that fell into a pause. Answers each tick with what became of
-- it: 'run', 'run already', 'queued' (it waits for the job before). With `dry_run` nothing is made and
-- what would be is 'would run'. Backfilled jobs run side by side, whatever `overlap` says, and do not
-- count for max_runs. At most max_catch_up ticks at a call. Locks: the schedule's row.
-- Raises TF150, TF112 for a range that is not in the past, or so long ago that the ledger no longer
-- knows which ticks ran, TF122 for too many, and what enqueue does.
create or replace function taskflow.backfill_schedule(
  name text, since timestamptz, until timestamptz, dry_run boolean default false, tenant text default null
) returns table (tick_at timestamptz, status text, job_id bigint)
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
#variable_conflict use_column
declare
  v_now timestamptz := taskflow.now();
  v_s taskflow.schedule := taskflow.find_schedule(backfill_schedule.name, backfill_schedule.tenant);
  v_known timestamptz := greatest(v_now - taskflow.config('tick_retention')::interval, v_s.forgotten_at + interval '1 microsecond');
  v_limit integer := taskflow.config('max_catch_up')::integer;
  v_tick timestamptz;
  v_ticks timestamptz[] := '{}';
begin
  if since is null or until is null or since >= until or until > v_now + interval '1 microsecond' then
    raise exception 'range % to % does not lie in the past', coalesce(since::text, 'NULL'), coalesce(until::text, 'NULL')
      using errcode = 'TF112', hint = 'Ticks to come run by themselves; run_schedule_now makes a job at once.';
  elsif since < v_known then
    raise exception 'the ledger begins at %, so it cannot tell which ticks before ran', date_trunc('second', v_known)
      using errcode = 'TF112', hint = 'Begin later, or enqueue those jobs by hand. tick_retention in taskflow.config keeps more.';
  end if;
  v_s.jitter := null;
  v_tick := taskflow.tick_after(v_s, since - interval '1 microsecond');
  while v_tick < until loop
    if cardinality(v_ticks) >= v_limit then
      raise exception 'more than % ticks from % to %', v_limit, since, until
        using errcode = 'TF122', hint = 'Split the range, or raise max_catch_up in taskflow.config.';
    end if;
    v_ticks := v_ticks || v_tick;
    v_tick := taskflow.tick_after(v_s, v_tick);
  end loop;
  foreach v_tick in array v_ticks loop
    tick_at := v_tick;
    select case t.status when 'run' then 'run already' when 'queued' then 'queued' end, t.job_id
      into status, job_id
      from taskflow.schedule_tick t
     where t.tenant = v_s.tenant and t.schedule = v_s.name and t.tick_at = v_tick and t.status <> 'skipped';
    if status is null and dry_run then
      status := 'would run';
    elsif status is null then
      status := 'run';
      job_id := taskflow.schedule_job(v_s, v_tick, v_now, format('backfilled by %s', taskflow.caller()));
    end if;
    return next;
  end loop;
end
$$;
