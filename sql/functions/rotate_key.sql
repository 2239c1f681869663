-- Gives a key a new secret; the old one works on for `overlap`. Raises TF194 for a key that is not there or off.
create or replace function taskflow.rotate_key(
  id bigint, prefix text, hash bytea, overlap interval default interval '1 day', tenant text default null
) returns void
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
#variable_conflict use_column
begin
  update taskflow.api_key k
     set previous_hash = k.hash, previous_until = taskflow.now() + overlap, hash = rotate_key.hash,
         prefix = rotate_key.prefix, version = k.version + 1
   where k.tenant = taskflow.tenant_of(rotate_key.tenant) and k.id = rotate_key.id and k.revoked_at is null;
  if not found then
    raise exception 'no key % that works', rotate_key.id using errcode = 'TF194', hint = 'GET /api/v1/api_keys lists them.';
  end if;
end
$$;
