-- What it takes to check a webhook that came in: the scheme, the secrets that are good now, how old it may be, which
-- headers to pass on and how, and the time. Raises TF182, also for a disabled tenant.
create or replace function taskflow.open_source(
  name text, tenant text default null,
  out scheme text, out secrets text[], out tolerance interval, out headers text[], out mapping text, out checked_at timestamptz
)
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
declare
  v_s taskflow.webhook_source := taskflow.find_source(open_source.name, open_source.tenant);
begin
  if exists (select from taskflow.tenant t where t.tenant = v_s.tenant and t.disabled_at is not null) then
    raise exception 'tenant % is disabled', quote_literal(v_s.tenant)
      using errcode = 'TF182', hint = 'An operator may enable it again with put_tenant.';
  end if;
  scheme := v_s.scheme;
  secrets := taskflow.live_secrets(v_s.tenant, 'source ' || v_s.name);
  tolerance := v_s.tolerance;
  headers := v_s.headers;
  mapping := v_s.mapping;
  checked_at := taskflow.now();
end
$$;
