-- Makes a user of the tenant, or changes the one of this id: what is NULL stays as it is. An empty list of
-- queues means all. A change of role or queues, and disabling, end what the user has logged in. Answers
-- the user's id. Raises TF111 for an unknown role or a name in use, TF190 for an unknown user, TF191 where the last
-- administrator would go, TF193 where `expected` is not the version that is there. Locks: the tenant's users.
create or replace function taskflow.put_user(
  name text default null, role text default null, queues text[] default null, disabled boolean default null,
  id bigint default null, expected integer default null, tenant text default null
) returns bigint
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
#variable_conflict use_column
declare
  v_tenant text := taskflow.tenant_of(put_user.tenant);
  v_now timestamptz := taskflow.now();
  v_user taskflow.api_user;
begin
  if put_user.role is not null and put_user.role not in ('producer', 'viewer', 'operator', 'admin') then
    raise exception 'role % is not known', quote_literal(left(put_user.role, 40))
      using errcode = 'TF111', hint = 'Use producer, viewer, operator or admin.';
  end if;
  if put_user.id is null then
    perform taskflow.check_user_name(put_user.name);
    insert into taskflow.api_user as u (tenant, name, role, queues, created_at, created_by)
    values (v_tenant, put_user.name, coalesce(put_user.role, 'viewer'), nullif(put_user.queues, '{}'), v_now, taskflow.caller())
    on conflict on constraint api_user_name_key do nothing
    returning u.* into v_user;
    if v_user.id is null then
      raise exception 'there is a user % already', quote_literal(put_user.name) using errcode = 'TF192', hint = 'Choose another name.';
    end if;
    return v_user.id;
  end if;
  perform from taskflow.api_user u where u.tenant = v_tenant order by u.id for update;
  select u.* into v_user from taskflow.api_user u where u.tenant = v_tenant and u.id = put_user.id;
  if v_user.id is null then
    raise exception 'no user %', put_user.id using errcode = 'TF190', hint = 'GET /api/v1/users lists them.';
  end if;
  perform taskflow.check_version(v_user.version, put_user.expected);
  update taskflow.api_user u
     set role = coalesce(put_user.role, u.role),
         queues = case when put_user.queues is null then u.queues else nullif(put_user.queues, '{}') end,
         disabled_at = case when put_user.disabled then coalesce(u.disabled_at, v_now) when not put_user.disabled then null else u.disabled_at end,
         token_version = u.token_version + 1, version = u.version + 1
   where u.tenant = v_tenant and u.id = put_user.id;
  if put_user.disabled then
    delete from taskflow.api_token t where t.tenant = v_tenant and t.user_id = put_user.id;
  end if;
  if v_user.role = 'admin' and v_user.disabled_at is null then
    perform taskflow.check_admin_left(v_tenant);
  end if;
  return put_user.id;
end
$$;
