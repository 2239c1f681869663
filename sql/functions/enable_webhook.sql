-- Lets an endpoint get events again, from now on. Answers whether it was disabled. Raises TF180. Locks: the endpoint.
create or replace function taskflow.enable_webhook(id bigint, tenant text default null) returns boolean
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
declare
  v_e taskflow.webhook_endpoint := taskflow.find_webhook(enable_webhook.id, enable_webhook.tenant);
begin
  update taskflow.webhook_endpoint e
     set disabled_at = null, disabled_reason = null, failing_since = null, version = e.version + 1, updated_at = taskflow.now()
   where e.tenant = v_e.tenant and e.id = v_e.id and e.disabled_at is not null;
  return found;
end
$$;
