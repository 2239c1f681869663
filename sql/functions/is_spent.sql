-- Whether a schedule has made all the jobs that it may; a tick that waits counts. Internal.
create or replace function taskflow.is_spent(schedule taskflow.schedule) returns boolean
language sql immutable parallel safe as $$
  select coalesce(schedule.runs + (schedule.queued_at is not null)::integer >= schedule.max_runs, false)
$$;
