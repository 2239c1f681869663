-- A schedule's newest tick that is not after an instant, given an older tick. Halves the time between
-- them: after an outage of a month, a tick each second is found in 22 steps. Internal.
create or replace function taskflow.newest_tick(schedule taskflow.schedule, known timestamptz, at_time timestamptz)
returns timestamptz
language plpgsql stable parallel safe as $$
declare
  v_found timestamptz := known;
  v_high timestamptz := at_time;
  v_middle timestamptz;
  v_tick timestamptz;
begin
  loop
    v_tick := taskflow.tick_after(schedule, v_found);
    if v_tick is null or v_tick > at_time then
      return v_found;
    end if;
    -- v_found is a tick and v_tick the one after it: look behind the middle of what is left
    v_found := v_tick;
    v_middle := v_found + (v_high - v_found) / 2;
    v_tick := taskflow.tick_after(schedule, v_middle);
    if v_tick <= at_time then
      v_found := v_tick;
    else
      v_high := v_middle;
    end if;
  end loop;
end
$$;
