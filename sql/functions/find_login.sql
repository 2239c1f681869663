-- A user who wants to log in: the hash of the password, and for how many seconds the account is locked.
create or replace function taskflow.find_login(tenant text, name text)
returns table (id bigint, password_hash text, locked_s double precision)
language sql stable security definer set search_path = taskflow, pg_temp as $$
  select u.id, u.password_hash, greatest(extract(epoch from u.locked_until - taskflow.now()), 0)::float8
    from taskflow.api_user u
   where u.tenant = find_login.tenant and u.name = find_login.name and u.disabled_at is null
$$;
