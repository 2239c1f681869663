-- The pause after a failed attempt: 1, 2, 4, 8, 16 s ... up to an hour, plus up to a tenth of jitter,
-- so that jobs which failed together do not come back together.
create or replace function taskflow.backoff(attempt integer) returns interval
language sql volatile parallel safe as $$
  select least(power(2, least(greatest(attempt, 1) - 1, 20)), 3600) * (1 + 0.1 * random())
         * interval '1 second'
$$;
