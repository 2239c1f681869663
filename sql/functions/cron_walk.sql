-- The first local time from `start` on that matches a cron expression, by the calendar alone: no time
-- zone, no gaps. NULL when there is none within nine years, which is longer than any two leap days
-- are apart. Whole seconds. Internal.
create or replace function taskflow.cron_walk(fields bigint[], start timestamp) returns timestamp
language plpgsql immutable strict parallel safe as $$
declare
  v_month date := date_trunc('month', start);
  v_end date := v_month + interval '9 years';
  v_day integer := extract(day from start);
  v_hour integer := extract(hour from start);
  v_minute integer := extract(minute from start);
  v_second integer := extract(second from start);
  v_days bigint;
  v_found integer;
begin
  loop
    if fields[5] & (1::bigint << extract(month from v_month)::integer) <> 0 then
      v_days := taskflow.cron_days(fields, v_month);
      v_found := taskflow.next_bit(v_days, v_day);
      if v_found = v_day and v_hour is not null then
        -- this very day: what is left of this minute, of this hour, of the day
        if fields[3] & (1::bigint << v_hour) <> 0 then
          v_second := case when fields[2] & (1::bigint << v_minute) <> 0 then taskflow.next_bit(fields[1], v_second) end;
          if v_second is null then
            v_minute := taskflow.next_bit(fields[2], v_minute + 1);
            v_second := taskflow.next_bit(fields[1], 0);
          end if;
        else
          v_minute := null;
        end if;
        if v_minute is null then
          v_hour := taskflow.next_bit(fields[3], v_hour + 1);
          v_minute := taskflow.next_bit(fields[2], 0);
          v_second := taskflow.next_bit(fields[1], 0);
        end if;
        if v_hour is not null then
          return v_month + make_interval(0, 0, 0, v_day - 1, v_hour, v_minute, v_second);
        end if;
        v_found := taskflow.next_bit(v_days, v_day + 1);
      end if;
      if v_found is not null then
        return v_month + make_interval(0, 0, 0, v_found - 1, taskflow.next_bit(fields[3], 0),
                                       taskflow.next_bit(fields[2], 0), taskflow.next_bit(fields[1], 0));
      end if;
    end if;
    v_month := v_month + interval '1 month';
    v_day := 1;
    v_hour := null;
    if v_month >= v_end then
      return null;
    end if;
  end loop;
end
$$;
