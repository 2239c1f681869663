-- A duration in a definition: a text such as '5m' or '2 days', or a number of seconds. NULL for what is
-- none, and for one below zero or beyond ten years. Internal.
create or replace function taskflow.read_pause(given jsonb) returns interval
language plpgsql stable as $$
declare
  v_pause interval;
begin
  v_pause := case jsonb_typeof(given)
    when 'number' then case when given::text::numeric between 0 and 315576000 then make_interval(secs => given::text::float8) end
    when 'string' then (given #>> '{}')::interval end;
  return case when v_pause between interval '0' and interval '10 years' then v_pause end;
exception when data_exception then
  return null;
end
$$;
