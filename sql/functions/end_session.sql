-- Logs a user out: ends the refresh tokens of the login that this one belongs to.
create or replace function taskflow.end_session(hash bytea) returns void
language sql volatile security definer set search_path = taskflow, pg_temp as $$
  delete from taskflow.api_token t using taskflow.api_token o
   where o.hash = end_session.hash and o.kind = 'refresh'
     and t.tenant = o.tenant and t.user_id = o.user_id and t.family = o.family
$$;
