-- Makes an administrator of a tenant and keeps the hash of the link by which a password is set; for one that is
-- there already and for any other user, a new link alone. Only the tenant default may name another than its own: raises
-- 42501. Answers the user's id. Raises TF190 for an unknown user.
create or replace function taskflow.invite(hash bytea, lifetime interval, user_id bigint default null, for_tenant text default null, tenant text default null)
returns bigint
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
#variable_conflict use_column
declare
  v_tenant text := coalesce(for_tenant, taskflow.tenant_of(invite.tenant));
  v_id bigint := invite.user_id;
begin
  if for_tenant is not null then
    perform taskflow.tenant_of('default');
    insert into taskflow.api_user as u (tenant, name, role, created_at, created_by)
    values (v_tenant, 'admin', 'admin', taskflow.now(), taskflow.caller())
    on conflict on constraint api_user_name_key do update set role = 'admin'
    returning u.id into v_id;
  end if;
  if not exists (select from taskflow.api_user u where u.tenant = v_tenant and u.id = v_id) then
    raise exception 'no user %', v_id using errcode = 'TF190', hint = 'GET /api/v1/users lists them.';
  end if;
  delete from taskflow.api_token t where t.tenant = v_tenant and t.user_id = v_id and t.kind = 'link';
  perform taskflow.issue_token(v_tenant, 'link', invite.hash, lifetime, v_id);
  return v_id;
end
$$;
