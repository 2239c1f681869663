-- Gives an endpoint a new secret and answers it. For `overlap` what it gets is signed with the old one as well,
-- so that its owner can change over in peace. Raises TF111 for a bad secret or overlap, TF180. Locks: the endpoint.
create or replace function taskflow.rotate_webhook_secret(
  id bigint, overlap interval default interval '24 hours', secret text default null, tenant text default null
) returns text
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
declare
  v_e taskflow.webhook_endpoint := taskflow.find_webhook(rotate_webhook_secret.id, rotate_webhook_secret.tenant);
begin
  if overlap is null or overlap not between interval '0' and interval '30 days' then
    raise exception 'overlap is %, it must be 0 to 30 days', overlap using errcode = 'TF111', hint = '0 stops the old secret at once.';
  end if;
  return taskflow.save_secret(v_e.tenant, 'endpoint ' || v_e.id, rotate_webhook_secret.secret, overlap);
end
$$;
