-- Whom a credential belongs to: see open_request. No row for none. A key has no more rights than the user whose it
-- is. Internal.
create or replace function taskflow.find_credential(
  key_hash bytea, user_tenant text, user_id bigint, token_version integer, ticket_hash bytea, at_time timestamptz
) returns table (
  standing text, tenant text, kind text, id bigint, name text, role text, scopes text[], queues text[], rate integer,
  last_used_at timestamptz, version integer
)
language plpgsql volatile as $$
#variable_conflict use_column
declare
  v_ticket taskflow.api_token;
  v_roles text[] := array['producer', 'viewer', 'operator', 'admin'];
begin
  if ticket_hash is not null then
    update taskflow.api_token t set used_at = at_time
     where t.hash = ticket_hash and t.kind = 'ticket' and t.used_at is null and t.expires_at > at_time
    returning t.* into v_ticket;
    if v_ticket.hash is null then
      return query select 'unknown', null::text, null::text, null::bigint, null::text, null::text, null::text[], null::text[], null::integer, null::timestamptz, null::integer;
      return;
    end if;
  end if;
  if key_hash is not null or v_ticket.key_id is not null then
    return query
      select case when k.revoked_at is not null or u.disabled_at is not null then 'disabled'
                  when k.role = 'producer' and u.role = 'viewer' then 'disabled'  -- neither has the other's rights
                  when k.expires_at <= at_time then 'expired' else 'ok' end,
             k.tenant, 'key', k.id, k.name, v_roles[least(array_position(v_roles, k.role), coalesce(array_position(v_roles, u.role), 4))], k.scopes,
             case when u.queues is null then k.queues when k.queues is null then u.queues
                  else array(select q from unnest(k.queues) q where q = any (u.queues)) end,
             k.rate, k.last_used_at, null::integer
        from taskflow.api_key k
        left join taskflow.api_user u on u.tenant = k.tenant and u.id = k.user_id
       where case when key_hash is null then k.tenant = v_ticket.tenant and k.id = v_ticket.key_id
                  else k.hash = key_hash or (k.previous_hash = key_hash and k.previous_until > at_time) end
       limit 1;
  elsif find_credential.user_id is not null or v_ticket.user_id is not null then
    return query
      select case when u.disabled_at is not null then 'disabled'
                  when u.token_version <> coalesce(find_credential.token_version, u.token_version) then 'expired' else 'ok' end,
             u.tenant, 'user', u.id, u.name, u.role, null::text[], u.queues, null::integer, null::timestamptz, u.token_version
        from taskflow.api_user u
       where u.tenant = coalesce(v_ticket.tenant, user_tenant) and u.id = coalesce(v_ticket.user_id, find_credential.user_id);
  else
    return;
  end if;
  if not found then
    return query select 'unknown', null::text, null::text, null::bigint, null::text, null::text, null::text[], null::text[], null::integer, null::timestamptz, null::integer;
  end if;
end
$$;
