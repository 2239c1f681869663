-- Notes starts under a limit of rate. The caller holds the lock on the key. Internal.
create or replace function taskflow.use_rate(
  limit_key taskflow.limit_key, rule taskflow.job_limit, weight integer, at_time timestamptz
) returns void
language plpgsql volatile as $$
begin
  if rule.burst is not null then
    update taskflow.limit_key k
       set refilled_at = at_time,
           tokens = least(rule.burst, coalesce(k.tokens, rule.burst)
                    + extract(epoch from at_time - coalesce(k.refilled_at, at_time)) * rule.rate / extract(epoch from rule.period))
                    - use_rate.weight
     where k.tenant = limit_key.tenant and k.id = limit_key.id;
  elsif rule.rate is not null then
    delete from taskflow.limit_start s where s.key_id = limit_key.id and s.at <= at_time - rule.period;
    insert into taskflow.limit_start (tenant, key_id, at, weight) values (limit_key.tenant, limit_key.id, at_time, use_rate.weight);
  end if;
end
$$;
