-- The queue's clock: every due time, lease and timestamp comes from here.
-- Tests move it with: set taskflow.clock_offset = '1 hour'. Not now(): that is the start of the
-- transaction, which in a long one may be minutes ago.
create or replace function taskflow.now() returns timestamptz
language sql volatile parallel safe as $$
  select clock_timestamp()
         + coalesce(nullif(current_setting('taskflow.clock_offset', true), '')::interval, interval '0')
$$;
