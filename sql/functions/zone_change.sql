-- The instant in (low, high] at which a time zone's offset changes, to the second; the offsets at the
-- two ends must differ, and only one change lie between them. Internal.
create or replace function taskflow.zone_change(low timestamptz, high timestamptz, time_zone text)
returns timestamptz
language plpgsql stable parallel safe as $$
declare
  v_offset interval := (low at time zone time_zone) - (low at time zone 'UTC');
  v_low timestamptz := low;
  v_high timestamptz := high;
  v_middle timestamptz;
begin
  while v_high - v_low > interval '1 second' loop
    v_middle := v_low + make_interval(secs => floor(extract(epoch from v_high - v_low) / 2)::float8);
    if (v_middle at time zone time_zone) - (v_middle at time zone 'UTC') = v_offset then
      v_low := v_middle;
    else
      v_high := v_middle;
    end if;
  end loop;
  return v_high;
end
$$;
