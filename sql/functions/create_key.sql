-- Keeps a key by the hash of its secret; answers its id. `user_id` is whose it is: it goes off with the user.
-- Raises TF111 for an unknown role.
create or replace function taskflow.create_key(
  name text, prefix text, hash bytea, role text, scopes text[] default null, queues text[] default null,
  rate integer default null, user_id bigint default null, expires_at timestamptz default null, tenant text default null
) returns bigint
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
#variable_conflict use_column
declare
  v_id bigint;
begin
  perform taskflow.check_user_name(create_key.name);
  if create_key.role is null or create_key.role not in ('producer', 'viewer', 'operator', 'admin') then
    raise exception 'role % is not known', coalesce(quote_literal(left(create_key.role, 40)), 'NULL')
      using errcode = 'TF111', hint = 'Use producer, viewer, operator or admin.';
  end if;
  insert into taskflow.api_key as k (tenant, name, prefix, hash, role, scopes, queues, rate, user_id, expires_at, created_at, created_by)
  values (taskflow.tenant_of(create_key.tenant), create_key.name, create_key.prefix, create_key.hash, create_key.role,
          create_key.scopes, nullif(create_key.queues, '{}'), create_key.rate, create_key.user_id, create_key.expires_at,
          taskflow.now(), taskflow.caller())
  returning k.id into v_id;
  return v_id;
end
$$;
