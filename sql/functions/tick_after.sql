-- A schedule's first tick after an instant, within its start and end; NULL when there is none. The
-- only place where ticks are computed. Internal.
create or replace function taskflow.tick_after(schedule taskflow.schedule, after timestamptz) returns timestamptz
language plpgsql stable parallel safe as $$
declare
  v_after timestamptz := greatest(after, schedule.starts_at - interval '1 microsecond');
  v_tick timestamptz;
begin
  if schedule.kind = 'cron' then
    v_tick := taskflow.cron_after(taskflow.cron_fields(schedule.cron), v_after, schedule.time_zone);
  elsif schedule.kind = 'interval' then
    -- counted from the anchor, so that a late tick does not make the next one late
    v_tick := schedule.anchor_at + schedule.every
            * (floor(extract(epoch from v_after - schedule.anchor_at) / extract(epoch from schedule.every)) + 1)::float8;
  elsif schedule.at > v_after then
    v_tick := schedule.at;
  end if;
  return case when v_tick <= coalesce(schedule.ends_at, 'infinity') then v_tick end;
end
$$;
