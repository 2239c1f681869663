-- Switches a key off for good, at once. Raises TF194 for an unknown key.
create or replace function taskflow.revoke_key(id bigint, tenant text default null) returns void
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
#variable_conflict use_column
begin
  update taskflow.api_key k set revoked_at = coalesce(k.revoked_at, taskflow.now()), version = k.version + 1
   where k.tenant = taskflow.tenant_of(revoke_key.tenant) and k.id = revoke_key.id;
  if not found then
    raise exception 'no key %', revoke_key.id using errcode = 'TF194', hint = 'GET /api/v1/api_keys lists them.';
  end if;
end
$$;
