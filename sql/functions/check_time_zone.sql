-- The name of a time zone as the server spells it. Raises TF111 with a name that looks like it. Internal.
create or replace function taskflow.check_time_zone(name text) returns text
language plpgsql stable as $$
declare
  v_found text := case when upper(name) = 'UTC' then 'UTC' end;
begin
  if v_found is null then
    -- reads a file per zone, tens of milliseconds: only where a schedule is made or its zone changes
    select z.name into v_found from pg_timezone_names z where lower(z.name) = lower(check_time_zone.name);
  end if;
  if v_found is null then
    raise exception 'time zone % is not known', coalesce(quote_literal(left(name, 60)), 'NULL')
      using errcode = 'TF111', hint = coalesce(
        (select format('Did you mean %s?', z.name) from pg_timezone_names z
          where strpos(lower(z.name), '/' || replace(lower(btrim(check_time_zone.name)), ' ', '_')) > 0
            and z.name !~ '^(posix|right)/'
          order by z.name limit 1),
        'Use a name of the IANA database, such as Europe/Berlin; select name from pg_timezone_names lists them.');
  end if;
  return v_found;
end
$$;
