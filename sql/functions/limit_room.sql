-- How much room a key of a limit has now, and if there is none, why, and when there will be some (NULL:
-- when somebody who uses it ends). Causes: held (a handler said so), breaker_open, breaker_probe,
-- concurrency, rate.
create or replace function taskflow.limit_room(
  limit_key taskflow.limit_key, rule taskflow.job_limit, at_time timestamptz,
  out room integer, out cause text, out opens_at timestamptz
)
language plpgsql stable as $$
declare
  v_used bigint;
  v_first timestamptz;
  v_tokens double precision;
  v_cap integer := case when limit_key.opened_at is not null then 1 else rule.concurrency end;
begin
  room := 1000000;
  if limit_key.held_until > at_time then
    room := 0; cause := 'held'; opens_at := limit_key.held_until;
    return;
  elsif limit_key.open_until > at_time then
    room := 0; cause := 'breaker_open'; opens_at := limit_key.open_until;
    return;
  end if;
  if v_cap is not null then
    select coalesce(sum(s.weight), 0) into v_used from taskflow.limit_slot s
     where s.tenant = limit_key.tenant and s.key_id = limit_key.id;
    select v_used + coalesce(sum(p.weight), 0), min(p.until) into v_used, v_first from taskflow.limit_permit p
     where p.key_id = limit_key.id and p.until > at_time;
    room := greatest(v_cap - v_used, 0);
    if room = 0 then
      cause := case when limit_key.opened_at is not null then 'breaker_probe' else 'concurrency' end;
      opens_at := v_first;
      return;
    end if;
  end if;
  if rule.burst is not null then
    -- a bucket that holds `burst` tokens and gains `rate` in each period
    v_tokens := least(rule.burst, coalesce(limit_key.tokens, rule.burst)
                + extract(epoch from at_time - coalesce(limit_key.refilled_at, at_time)) * rule.rate / extract(epoch from rule.period));
    if floor(v_tokens) < room then
      room := floor(v_tokens);
      cause := 'rate';
      opens_at := at_time + (1 - v_tokens) * rule.period / rule.rate;
    end if;
  elsif rule.rate is not null then
    -- at most `rate` starts in every window of the period, wherever it lies
    select coalesce(sum(s.weight), 0), min(s.at) into v_used, v_first from taskflow.limit_start s
     where s.key_id = limit_key.id and s.at > at_time - rule.period;
    if rule.rate - v_used < room then
      room := greatest(rule.rate - v_used, 0);
      cause := 'rate';
      opens_at := v_first + rule.period;
    end if;
  end if;
  if room > 0 then
    cause := null;
    opens_at := null;
  end if;
end
$$;
