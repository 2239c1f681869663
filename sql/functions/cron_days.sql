-- The days of a month on which a cron expression fires, as bits 1 to 31; `month` is its first day.
-- Internal.
create or replace function taskflow.cron_days(fields bigint[], month date) returns bigint
language plpgsql immutable parallel safe as $$
declare
  v_length integer := extract(day from month + interval '1 month' - interval '1 day');
  v_first integer := extract(dow from month);
  v_by_date bigint := (fields[4] & 4294967294)
                    | case when fields[4] & (1::bigint << 32) <> 0 then 1::bigint << v_length else 0 end;
  v_week bigint := fields[6] & 127;
  v_by_day bigint;
begin
  -- the week six times over, from the weekday of the first on: bit d is the d-th of the month
  v_by_day := (v_week * 34630287489) >> v_first << 1;
  if fields[6] > 127 then
    for n in 1 .. 6 loop
      v_week := (fields[6] >> 8 * n) & 127;
      v_by_day := v_by_day | ((v_week * 34630287489) >> v_first << 1
                              & case n when 6 then 254::bigint << (v_length - 7) else 254::bigint << (7 * (n - 1)) end);
    end loop;
  end if;
  return case when fields[7] & 2 <> 0 then v_by_date & v_by_day else v_by_date | v_by_day end
         & ((2::bigint << v_length) - 2);
end
$$;
