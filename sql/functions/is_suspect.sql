-- Whether a job with so many losses in a row is a suspect: one more makes it dead. Internal.
create or replace function taskflow.is_suspect(lost integer) returns boolean
language sql stable as $$
  select lost > 0 and lost >= taskflow.config('max_lost')::integer - 1
$$;
