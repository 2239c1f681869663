-- A cron expression as seven masks: second, minute, hour, day of month, month, day of week (their
-- bits: see cron_item) and flags: 1 for an expression whose minute or hour begins with *, so that it
-- follows elapsed time; 2 for one whose day of month or of week does, so that both must match.
-- Five fields, or six with the seconds first. Raises TF151. Internal.
create or replace function taskflow.cron_fields(expression text) returns bigint[]
language plpgsql immutable parallel safe as $$
declare
  v_text text := lower(btrim(expression, E' \t\r\n'));
  v_parts text[];
  v_fields bigint[] := '{0,0,0,0,0,0,0}';
  v_item text;
begin
  if v_text like '@%' then
    v_text := case v_text
      when '@hourly' then '0 * * * *' when '@daily' then '0 0 * * *' when '@midnight' then '0 0 * * *'
      when '@weekly' then '0 0 * * 0' when '@monthly' then '0 0 1 * *'
      when '@yearly' then '0 0 1 1 *' when '@annually' then '0 0 1 1 *' end;
    if v_text is null then
      raise exception 'cron expression % is not known', quote_literal(left(expression, 40))
        using errcode = 'TF151',
              hint = 'Use @hourly, @daily, @weekly, @monthly or @yearly; a schedule takes @every 5m, too.';
    end if;
  end if;
  if length(v_text) <= 500 then
    v_parts := case when v_text ~ '\s\s|[\t\r\n]' then regexp_split_to_array(v_text, '\s+')
                    else string_to_array(v_text, ' ') end;
  end if;
  if coalesce(cardinality(v_parts), 0) not in (5, 6) then
    raise exception 'cron expression % has % fields, it must have 5 or 6',
        coalesce(quote_literal(left(expression, 60)), 'NULL'), coalesce(cardinality(v_parts)::text, 'too many')
      using errcode = 'TF151',
            hint = 'Write minute, hour, day of month, month, day of week; with six, the second comes first.';
  end if;
  if cardinality(v_parts) = 5 then
    v_parts := '{0}' || v_parts;
  end if;
  for v_place in 1 .. 6 loop
    if v_parts[v_place] = '*' then
      v_fields[v_place] := taskflow.cron_item('*', v_place);
    elsif v_parts[v_place] = '' or v_parts[v_place] ~ '^,|,,|,$' then
      perform taskflow.cron_item('', v_place);
    else
      foreach v_item in array string_to_array(v_parts[v_place], ',') loop
        v_fields[v_place] := v_fields[v_place] | taskflow.cron_item(v_item, v_place);
      end loop;
    end if;
  end loop;
  v_fields[7] := case when v_parts[2] like '*%' or v_parts[3] like '*%' then 1 else 0 end
               + case when v_parts[4] like '*%' or v_parts[6] like '*%' then 2 else 0 end;
  return v_fields;
end
$$;
