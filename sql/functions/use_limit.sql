-- Notes the use of one key by jobs that start now. The caller holds the lock on the key. Internal.
create or replace function taskflow.use_limit(
  limit_key taskflow.limit_key, rule taskflow.job_limit, job_ids bigint[], weights integer[], at_time timestamptz
) returns void
language plpgsql volatile as $$
begin
  if rule.concurrency is not null or rule.breaker_failures is not null then
    insert into taskflow.limit_slot (tenant, key_id, job_id, weight, taken_at)
    select limit_key.tenant, limit_key.id, u.job_id, u.weight, at_time from unnest(job_ids, weights) u (job_id, weight)
    on conflict (tenant, key_id, job_id) do nothing;  -- an ordered key keeps its job's slot over a retry
  end if;
  perform taskflow.use_rate(limit_key, rule, (select sum(w)::integer from unnest(weights) w), at_time);
end
$$;
