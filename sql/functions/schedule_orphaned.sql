-- Whether a schedule was declared by code that no live worker runs: every one of them published its own
-- declarations after this one was last seen.
create or replace function taskflow.schedule_orphaned(schedule taskflow.schedule) returns boolean
language sql stable as $$
  select schedule.declared and coalesce(schedule.declared_at < (
    select min(w.started_at) from taskflow.worker w
     where w.tenant = 'default' and w.lease_until > taskflow.now()), false)
$$;
