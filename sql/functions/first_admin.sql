-- Makes the first user of an installation, an administrator without a password, and keeps the hash of the
-- link by which somebody sets one. While that is not used, a further call gives a new link and ends the
-- old one. Answers the user's name, NULL once anybody has a password, or any key is there. Locks: the table
-- of users, so that of many processes that start at once one prints a link.
create or replace function taskflow.first_admin(hash bytea, lifetime interval) returns text
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
declare
  v_user taskflow.api_user;
begin
  lock table taskflow.api_user in share row exclusive mode;
  if exists (select from taskflow.api_user u where u.password_hash is not null) or exists (select from taskflow.api_key) then
    return null;
  end if;
  insert into taskflow.tenant (tenant, created_at, created_by) values ('default', taskflow.now(), 'taskflow')
  on conflict on constraint tenant_pkey do nothing;
  insert into taskflow.api_user as u (tenant, name, role, created_at, created_by)
  values ('default', 'admin', 'admin', taskflow.now(), 'taskflow')
  on conflict on constraint api_user_name_key do update set role = 'admin', disabled_at = null
  returning u.* into v_user;
  delete from taskflow.api_token t where t.tenant = 'default' and t.user_id = v_user.id and t.kind = 'link';
  perform taskflow.issue_token('default', 'link', first_admin.hash, lifetime, v_user.id);
  return v_user.name;
end
$$;
