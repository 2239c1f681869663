-- How much of a limit a job uses: the whole number in the argument that the limit names, at least 1 and
-- at most all that the limit has, so that a large job can run alone. Internal.
create or replace function taskflow.limit_weight(rule taskflow.job_limit, args jsonb) returns integer
language sql immutable parallel safe as $$
  select case when rule.weight_by is null or jsonb_typeof(args -> rule.weight_by) is distinct from 'number' then 1
    else least(greatest(ceil((args ->> rule.weight_by)::numeric), 1),
               least(coalesce(rule.concurrency, 1000000), coalesce(rule.burst, rule.rate, 1000000)))::integer end
$$;
