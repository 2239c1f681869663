-- cron_next for an expression that is parsed already. Internal.
create or replace function taskflow.cron_after(fields bigint[], after timestamptz, time_zone text)
returns timestamptz
language plpgsql stable strict parallel safe as $$
declare
  v_second interval := interval '1 second';
  v_after timestamptz := date_trunc('second', after);
  v_local timestamp := v_after at time zone time_zone;
  v_here record;
  v_change timestamptz;
  v_next timestamp;
begin
  if not isfinite(after) then
    return null;
  end if;
  if time_zone = 'UTC' then
    return taskflow.cron_walk(fields, v_local + v_second) at time zone 'UTC';
  end if;
  v_here := taskflow.local_instants(v_local, time_zone);
  if fields[7] & 1 = 0 then
    -- Times of day: each local time once, the first time that it is shown. The second time around
    -- all of the repeated ones are done.
    if v_here.first_at < v_after then
      v_change := taskflow.zone_change(v_here.first_at, v_after, time_zone);
      v_local := v_local + (v_change - v_here.first_at) - v_second;
    end if;
    v_next := taskflow.cron_walk(fields, v_local + v_second);
    return (taskflow.local_instants(v_next, time_zone)).first_at;
  end if;
  -- Elapsed time: every instant whose local time matches, the repeated ones again.
  if v_after < v_here.last_at then
    v_change := taskflow.zone_change(v_after, v_here.last_at, time_zone);
    v_next := taskflow.cron_walk(fields, v_local + v_second);
    if v_after + (v_next - v_local) < v_change then
      return v_after + (v_next - v_local);
    end if;
    v_after := v_change - v_second;
    v_local := (v_change at time zone time_zone) - v_second;
  end if;
  loop
    v_next := taskflow.cron_walk(fields, v_local + v_second);
    v_here := taskflow.local_instants(v_next, time_zone);
    if v_here.is_gap is not true then
      return case when v_here.first_at > v_after then v_here.first_at else v_here.last_at end;
    end if;
    v_local := (v_here.first_at at time zone time_zone) - v_second;
  end loop;
end
$$;
