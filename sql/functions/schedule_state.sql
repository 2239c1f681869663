-- The state that people see of a schedule: active, paused, ended, or overdue, when its tick has been
-- due for a minute and nobody has fired it.
create or replace function taskflow.schedule_state(schedule taskflow.schedule, at_time timestamptz) returns text
language sql immutable parallel safe as $$
  select case
    when schedule.paused_at is not null then 'paused'
    when schedule.next_at is null and schedule.queued_at is null then 'ended'
    when schedule.next_at < at_time - interval '1 minute' then 'overdue'
    else 'active'
  end
$$;
