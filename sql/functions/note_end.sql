-- Drives the breakers of keys: enough failures within the window open one, its jobs wait for the cooldown,
-- then a single one probes; its failure opens it again, its success closes it. Internal.
create or replace function taskflow.note_end(tenant text, key_ids bigint[], has_failed boolean) returns void
language plpgsql volatile as $$
declare
  v_now timestamptz := taskflow.now();
begin
  if has_failed then
    update taskflow.limit_key k
       set failures = case when k.failures_since > v_now - l.breaker_window then k.failures + 1 else 1 end,
           failures_since = case when k.failures_since > v_now - l.breaker_window then k.failures_since else v_now end
      from taskflow.job_limit l
     where k.tenant = note_end.tenant and k.id = any (key_ids)
       and l.tenant = k.tenant and l.name = k.limit_name and l.breaker_failures is not null;
    update taskflow.limit_key k
       set opened_at = v_now, open_until = v_now + l.breaker_cooldown, failures = 0, failures_since = null
      from taskflow.job_limit l
     where k.tenant = note_end.tenant and k.id = any (key_ids)
       and l.tenant = k.tenant and l.name = k.limit_name
       and (k.failures >= l.breaker_failures or (k.opened_at is not null and k.open_until <= v_now));
  else
    update taskflow.limit_key k set opened_at = null, open_until = null, failures = 0, failures_since = null
     where k.tenant = note_end.tenant and k.id = any (key_ids) and k.opened_at is not null and k.open_until <= v_now;
  end if;
end
$$;
