-- Sets a user's password and ends all that was logged in with the old one. Answers the new version of the
-- user's tokens, NULL for an unknown or disabled user, or one whose password is not the one that was checked.
create or replace function taskflow.set_password(tenant text, id bigint, password_hash text, checked_hash text default null)
returns integer
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
#variable_conflict use_variable
declare
  v_version integer;
begin
  update taskflow.api_user u
     set password_hash = set_password.password_hash, token_version = u.token_version + 1, failures = 0, locked_until = null
   where u.tenant = set_password.tenant and u.id = set_password.id and u.disabled_at is null
     and (checked_hash is null or u.password_hash = checked_hash)
  returning u.token_version into v_version;
  delete from taskflow.api_token t where t.tenant = set_password.tenant and t.user_id = set_password.id;
  return v_version;
end
$$;
