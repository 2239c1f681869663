-- Notes how a login ended. From the fifth wrong password in a row the account is locked, for a second at
-- first and twice as long each time, up to 15 minutes. Answers the version that tokens of the user carry,
-- NULL for one who is disabled meanwhile, or has another password than the one that was checked.
create or replace function taskflow.note_login(tenant text, id bigint, succeeded boolean, checked_hash text default null)
returns integer
language sql volatile security definer set search_path = taskflow, pg_temp as $$
  update taskflow.api_user u
     set failures = case when succeeded then 0 else least(u.failures, 1000) + 1 end,
         locked_until = case when not succeeded and u.failures >= 4
                             then taskflow.now() + least(power(2, least(u.failures - 4, 20)), 900) * interval '1 second' end,
         last_login_at = case when succeeded then taskflow.now() else u.last_login_at end
   where u.tenant = note_login.tenant and u.id = note_login.id and u.disabled_at is null
     and (checked_hash is null or u.password_hash = checked_hash)
  returning u.token_version
$$;
