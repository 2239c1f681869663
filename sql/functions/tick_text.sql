-- A tick as a job's meta names it: ISO 8601 in UTC, with a fraction only where it has one.
create or replace function taskflow.tick_text(tick_at timestamptz) returns text
language sql stable parallel safe as $$
  select to_char(tick_at at time zone 'UTC', case when date_trunc('second', tick_at, 'UTC') = tick_at
                 then 'YYYY-MM-DD"T"HH24:MI:SS"Z"' else 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"' end)
$$;
