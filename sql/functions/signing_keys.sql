-- The keys that tokens are signed with, the newest first. The very first is the one given here.
create or replace function taskflow.signing_keys(fresh bytea) returns table (id bigint, secret bytea)
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
#variable_conflict use_column
begin
  if not exists (select from taskflow.signing_key) then
    lock table taskflow.signing_key in share row exclusive mode;
    insert into taskflow.signing_key (tenant, secret, created_at)
    select 'default', signing_keys.fresh, taskflow.now() where not exists (select from taskflow.signing_key);
  end if;
  return query select s.id, s.secret from taskflow.signing_key s order by s.id desc limit 5;
end
$$;
