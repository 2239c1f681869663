-- The next ticks of a schedule, or of a cron expression in a time zone, with the local time that the
-- clocks there show. At most 1000. Raises TF150, TF151, TF111 for a time zone and for neither a name nor
-- an expression, TF122.
create or replace function taskflow.preview_schedule(
  name text default null,
  cron text default null,
  time_zone text default null,
  count integer default 5,
  after timestamptz default null,
  tenant text default null
) returns table (tick_at timestamptz, local_at timestamp)
language plpgsql stable security definer set search_path = taskflow, pg_temp as $$
declare
  v_s taskflow.schedule;
  v_tick timestamptz := coalesce(preview_schedule.after, taskflow.now());
begin
  if preview_schedule.count not between 1 and 1000 then
    raise exception '% ticks asked for, it must be 1 to 1000', preview_schedule.count
      using errcode = 'TF122', hint = 'Ask again with `after`, the last tick that was answered.';
  elsif num_nonnulls(preview_schedule.name, preview_schedule.cron) <> 1 then
    raise exception 'give the name of a schedule or a cron expression'
      using errcode = 'TF111', hint = 'Write preview_schedule(cron => ''0 8 * * 1-5'', time_zone => ''Europe/Berlin'').';
  elsif preview_schedule.cron is not null then
    v_s.kind := 'cron';
    v_s.cron := preview_schedule.cron;
    v_s.time_zone := taskflow.check_time_zone(coalesce(preview_schedule.time_zone, 'UTC'));
  else
    select * into v_s from taskflow.schedule s
     where s.tenant = taskflow.tenant_of(preview_schedule.tenant) and s.name = preview_schedule.name;
    if not found then
      raise exception 'there is no schedule %', quote_literal(left(preview_schedule.name, 80))
        using errcode = 'TF150', hint = 'Run taskflow schedules list.';
    end if;
  end if;
  for n in 1 .. preview_schedule.count loop
    v_tick := taskflow.tick_after(v_s, v_tick);
    exit when v_tick is null or v_s.max_runs < v_s.runs + n;
    tick_at := v_tick;
    local_at := v_tick at time zone v_s.time_zone;
    return next;
  end loop;
end
$$;
