-- Gives a source a new secret and answers it; for `overlap` signatures with the old one are good as well.
-- Raises TF111 for a bad secret or overlap, TF182.
create or replace function taskflow.rotate_source_secret(
  name text, overlap interval default interval '24 hours', secret text default null, tenant text default null
) returns text
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
declare
  v_s taskflow.webhook_source := taskflow.find_source(rotate_source_secret.name, rotate_source_secret.tenant);
begin
  if overlap is null or overlap not between interval '0' and interval '30 days' then
    raise exception 'overlap is %, it must be 0 to 30 days', overlap using errcode = 'TF111', hint = '0 stops the old secret at once.';
  end if;
  return taskflow.save_secret(v_s.tenant, 'source ' || v_s.name, rotate_source_secret.secret, overlap, v_s.scheme <> 'standard');
end
$$;
