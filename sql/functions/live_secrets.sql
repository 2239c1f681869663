-- The secrets that sign now: the present one, and the one before it while their overlap lasts. Internal.
create or replace function taskflow.live_secrets(tenant text, owner text) returns text[]
language sql volatile as $$
  select array_remove(array[s.secret, case when s.previous_until > taskflow.now() then s.previous end], null)
    from taskflow.webhook_secret s where s.tenant = live_secrets.tenant and s.owner = live_secrets.owner
$$;
