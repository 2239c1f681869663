-- A user who has just shown who it is, for the answer to its login. No row for one that is disabled.
create or replace function taskflow.find_user(tenant text, id bigint)
returns table (name text, role text, queues text[])
language sql stable security definer set search_path = taskflow, pg_temp as $$
  select u.name, u.role, u.queues from taskflow.api_user u
   where u.tenant = find_user.tenant and u.id = find_user.id and u.disabled_at is null
$$;
