-- When clocks of a time zone show a local time: the first and the last instant, which differ where the
-- clocks are put back over it. A local time that the clocks leap over is in a gap: both are then the
-- first instant after it. Postgres itself takes the later of two, and reads one in a gap with the
-- offset before it; that the earlier one is found with an offset of 25 hours before holds for every
-- change of at most a day. Internal.
create or replace function taskflow.local_instants(
  local_time timestamp, time_zone text, out first_at timestamptz, out last_at timestamptz, out is_gap boolean
)
language plpgsql stable parallel safe as $$
declare
  v_shown timestamp;
  v_before timestamptz;
begin
  last_at := local_time at time zone time_zone;
  first_at := last_at;
  v_shown := last_at at time zone time_zone;
  is_gap := v_shown <> local_time;
  if is_gap then
    first_at := taskflow.zone_change(last_at - (v_shown - local_time), last_at, time_zone);
    last_at := first_at;
    return;
  end if;
  v_before := last_at - interval '25 hours';
  v_before := (local_time - ((v_before at time zone time_zone) - (v_before at time zone 'UTC'))) at time zone 'UTC';
  if v_before < last_at and v_before at time zone time_zone = local_time then
    first_at := v_before;
  end if;
end
$$;
