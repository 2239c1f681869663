-- A JSON number that a progress can be, NULL for anything else. Internal.
create or replace function taskflow.finite(number jsonb) returns double precision
language sql immutable parallel safe as $$
  select case when jsonb_typeof(number) = 'number' and abs(number::numeric) <= 1e300 then number::double precision end
$$;
