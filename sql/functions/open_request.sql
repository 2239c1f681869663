-- The first statement of each request to the API: who asks, and whether the rate allows it. One of: the hash
-- of a key; a user with the version that the token names; the hash of a ticket, which works once; or
-- nothing, for an address alone. `is_costly` counts against the rate of addresses, too: logins do.
-- Answers `standing`: ok, anonymous, limited, unknown, expired or disabled; a credential that is not ok counts
-- against its address, so that keys cannot be guessed faster than passwords. Locks: the rows of the rates.
create or replace function taskflow.open_request(
  address text, key_hash bytea default null, user_tenant text default null, user_id bigint default null,
  token_version integer default null, ticket_hash bytea default null, is_costly boolean default false,
  out standing text, out tenant text, out kind text, out id bigint, out name text, out role text,
  out scopes text[], out queues text[], out version integer, out rate integer, out used integer, out reset_s double precision
)
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
#variable_conflict use_column
declare
  v_now timestamptz := taskflow.now();
  v_found record;
  v_quota record;
begin
  select f.* into v_found from taskflow.find_credential(
    open_request.key_hash, user_tenant, open_request.user_id, open_request.token_version, ticket_hash, v_now) f;
  standing := coalesce(v_found.standing, 'anonymous');
  if standing = 'ok' then
    tenant := v_found.tenant; kind := v_found.kind; id := v_found.id; name := v_found.name;
    role := v_found.role; scopes := v_found.scopes; queues := v_found.queues; version := v_found.version;
  end if;
  rate := coalesce(v_found.rate, taskflow.config(case when standing = 'ok' then 'api_rate' else 'api_anonymous_rate' end)::integer);
  select u.used, u.reset_s into used, reset_s
    from taskflow.use_api_rate(coalesce(tenant, 'default'), coalesce(kind || ':' || id, 'address:' || left(address, 100)), v_now) u;
  if used > rate then
    standing := 'limited';
  end if;
  if standing = 'ok' and is_costly then
    select taskflow.config('api_anonymous_rate')::integer, u.used, u.reset_s into rate, used, reset_s
      from taskflow.use_api_rate('default', 'address:' || left(address, 100), v_now) u;
    if used > rate then
      standing := 'limited';
    end if;
  end if;
  if standing = 'ok' then
    select t.max_requests, t.disabled_at into v_quota from taskflow.tenant t where t.tenant = open_request.tenant;
    if v_quota.disabled_at is not null then
      standing := 'disabled';
    elsif v_quota.max_requests is not null then
      select v_quota.max_requests, u.used, u.reset_s into rate, used, reset_s
        from taskflow.use_api_rate(tenant, 'tenant', v_now) u;
    end if;
    if kind = 'key' and coalesce(v_found.last_used_at, '-infinity') < v_now - interval '1 minute' then
      update taskflow.api_key k set last_used_at = v_now, last_used_from = left(address, 100)
       where k.tenant = open_request.tenant and k.id = open_request.id;
    end if;
  end if;
  if used > rate then
    standing := 'limited';
  end if;
end
$$;
