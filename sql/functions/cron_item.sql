-- One item of one field of a cron expression as a mask of bits. `place` is the field: 1 second,
-- 2 minute, 3 hour, 4 day of month (bit 32: the last day), 5 month, 6 day of week (bit 8 n + day: the
-- n-th such day of the month, bit 48 + day: the last one). Raises TF151. Internal.
create or replace function taskflow.cron_item(item text, place integer) returns bigint
language plpgsql immutable parallel safe as $$
declare
  v_low integer := (array[0, 0, 0, 1, 1, 0])[place];
  v_high integer := (array[59, 59, 23, 31, 12, 7])[place];
  v_names text[] := case place
    when 5 then '{jan,feb,mar,apr,may,jun,jul,aug,sep,oct,nov,dec}'::text[]
    when 6 then '{sun,mon,tue,wed,thu,fri,sat}'::text[] end;
  v_parts text[];
  v_from integer;
  v_to integer;
  v_step integer;
  v_mask bigint := 0;
begin
  if item = '*' then
    return (2::bigint << least(v_high, case place when 6 then 6 else 59 end)) - (1::bigint << v_low);
  elsif place = 4 and item = 'l' then
    return 1::bigint << 32;
  elsif place = 6 and item ~ '^([0-7]|[a-z]{3})(#[1-5]|l)$' then
    v_from := coalesce(array_position(v_names, substr(item, 1, 3)) - 1,
                       case when item ~ '^[0-7]' then left(item, 1)::integer % 7 end);
    if v_from is not null then
      return 1::bigint << (v_from + case when right(item, 1) = 'l' then 48 else 8 * right(item, 1)::integer end);
    end if;
  end if;
  v_parts := regexp_match(item, '^(?:(\*)|(\d{1,2}|[a-z]{3})(?:-(\d{1,2}|[a-z]{3}))?)(?:/(\d{1,2}))?$');
  if v_parts is not null then
    v_from := case when v_parts[1] is not null then v_low
                   when v_parts[2] ~ '\d' then v_parts[2]::integer
                   else array_position(v_names, v_parts[2]) - 1 + v_low end;
    v_to := case when v_parts[1] is not null then case place when 6 then 6 else v_high end
                 when v_parts[3] ~ '\d' then v_parts[3]::integer
                 when v_parts[3] is not null then array_position(v_names, v_parts[3]) - 1 + v_low
                 -- "5/15" is "5-59/15"; for days of the week nobody agrees on where that ends
                 when v_parts[4] is not null and place < 6 then v_high
                 when v_parts[4] is null then v_from end;
    if place = 6 and v_parts[3] is not null and v_to = 0 then
      v_to := 7;  -- fri-sun
    end if;
    v_step := coalesce(v_parts[4]::integer, 1);
  end if;
  if v_from is null or v_to is null or v_from not between v_low and v_high
     or v_to not between v_from and v_high or v_step = 0 then
    raise exception '% "%" of a cron expression is not valid',
        (array['second', 'minute', 'hour', 'day of month', 'month', 'day of week'])[place], left(item, 40)
      using errcode = 'TF151', hint = case
        when v_from > v_to then 'A range must not wrap around: write it as two, "22-23,0-5".'
        when place = 6 and item ~ '/' and v_to is null then 'Write where the days end: "1-5/2".'
        when item = '?' then 'Write * and mind that days count from 0, Sunday; or use names.'
        when place = 6 and v_from > 7 then 'Use 0 to 7 or sun to sat. With six fields the seconds come first.'
        else format('Use %s to %s%s, ranges "a-b", steps "*/n" and lists "a,b".', v_low, v_high,
                    case place when 4 then ', L for the last day' when 5 then ' or jan to dec'
                               when 6 then ' or sun to sat, mon#2 for the second Monday, friL for the last Friday'
                               else '' end) end;
  end if;
  for v_n in v_from .. v_to by v_step loop
    v_mask := v_mask | (1::bigint << case when place = 6 and v_n = 7 then 0 else v_n end);
  end loop;
  return v_mask;
end
$$;
