-- An endpoint's row, locked. Raises TF180 where there is none, TF181 where it is of another version. Internal.
create or replace function taskflow.find_webhook(id bigint, tenant text, expected_version integer default null)
returns taskflow.webhook_endpoint
language plpgsql volatile as $$
declare
  v_e taskflow.webhook_endpoint;
begin
  select * into v_e from taskflow.webhook_endpoint e
   where e.tenant = taskflow.tenant_of(find_webhook.tenant) and e.id = find_webhook.id for no key update;
  if not found then
    raise exception 'endpoint % does not exist', find_webhook.id using errcode = 'TF180', hint = 'It may have been deleted.';
  elsif v_e.version <> expected_version then
    raise exception 'endpoint % is at version %, not %', v_e.id, v_e.version, expected_version
      using errcode = 'TF181', hint = 'Somebody else has changed it: look at it again.';
  end if;
  return v_e;
end
$$;
