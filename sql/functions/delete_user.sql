-- Removes a user, whose keys go off with it. Raises TF190, and TF191 for the last administrator.
create or replace function taskflow.delete_user(id bigint, tenant text default null) returns void
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
declare
  v_tenant text := taskflow.tenant_of(delete_user.tenant);
  v_role text;
begin
  perform from taskflow.api_user u where u.tenant = v_tenant order by u.id for update;
  delete from taskflow.api_user u where u.tenant = v_tenant and u.id = delete_user.id
  returning u.role into v_role;
  if not found then
    raise exception 'no user %', delete_user.id using errcode = 'TF190', hint = 'GET /api/v1/users lists them.';
  end if;
  update taskflow.api_key k set revoked_at = taskflow.now(), version = k.version + 1
   where k.tenant = v_tenant and k.user_id = delete_user.id and k.revoked_at is null;
  delete from taskflow.api_token t where t.tenant = v_tenant and t.user_id = delete_user.id;
  if v_role = 'admin' then
    perform taskflow.check_admin_left(v_tenant);
  end if;
end
$$;
