-- Removes an endpoint and its secret; what waits to be delivered to it is skipped, and the record of deliveries
-- stays for its time. Answers whether there was one. Raises TF181 where it is of another version.
create or replace function taskflow.delete_webhook(id bigint, expected_version integer default null, tenant text default null)
returns boolean
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
declare
  v_e taskflow.webhook_endpoint;
begin
  v_e := taskflow.find_webhook(delete_webhook.id, delete_webhook.tenant, expected_version);
  delete from taskflow.webhook_endpoint e where e.tenant = v_e.tenant and e.id = v_e.id;
  delete from taskflow.webhook_secret s where s.tenant = v_e.tenant and s.owner = 'endpoint ' || v_e.id;
  return true;
exception when sqlstate 'TF180' then
  return false;
end
$$;
