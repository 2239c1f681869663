-- Logs a user out: ends the refresh tokens of the login that this one belongs to. Locks: the user, as use_token.
create or replace function taskflow.end_session(hash bytea) returns void
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
#variable_conflict use_column
declare
  v_token taskflow.api_token;
begin
  perform from taskflow.api_user u join taskflow.api_token t on t.tenant = u.tenant and t.user_id = u.id
    where t.hash = end_session.hash and t.kind = 'refresh' for no key update of u;
  select t.* into v_token from taskflow.api_token t where t.hash = end_session.hash and t.kind = 'refresh';
  delete from taskflow.api_token t
   where t.tenant = v_token.tenant and t.user_id = v_token.user_id and t.family = v_token.family;
end
$$;
