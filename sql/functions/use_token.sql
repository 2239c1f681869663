-- Uses up a refresh token or a link. Answers whose it is; no row for one that is unknown, expired, or of a
-- disabled user. A refresh token that was used more than ten seconds before has been stolen, or its successor has:
-- its whole family is ended then, and the answer is empty too; sooner it is a second tab, or a lost answer.
-- Locks: the user, then the token: whoever ends all of a user's tokens holds the user, and so sees the new one.
create or replace function taskflow.use_token(kind text, hash bytea)
returns table (tenant text, user_id bigint, name text, role text, queues text[], token_version integer, family text)
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
#variable_conflict use_column
declare
  v_token taskflow.api_token;
begin
  perform from taskflow.api_user u join taskflow.api_token t on t.tenant = u.tenant and t.user_id = u.id
    where t.hash = use_token.hash and t.kind = use_token.kind for no key update of u;
  select t.* into v_token from taskflow.api_token t
   where t.hash = use_token.hash and t.kind = use_token.kind for update;
  if v_token.used_at < taskflow.now() - interval '10 seconds' and use_token.kind = 'refresh' then
    delete from taskflow.api_token t
     where t.tenant = v_token.tenant and t.user_id = v_token.user_id and t.family = v_token.family;
    return;
  elsif v_token.hash is null or v_token.used_at is not null or v_token.expires_at <= taskflow.now() then
    return;
  end if;
  update taskflow.api_token t set used_at = taskflow.now() where t.tenant = v_token.tenant and t.hash = v_token.hash;
  return query
    select u.tenant, u.id, u.name, u.role, u.queues, u.token_version, v_token.family
      from taskflow.api_user u
     where u.tenant = v_token.tenant and u.id = v_token.user_id and u.disabled_at is null;
end
$$;
