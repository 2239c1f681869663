-- Tells an endpoint's secret. Raises TF180.
create or replace function taskflow.webhook_secret(id bigint, tenant text default null) returns text
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
declare
  v_e taskflow.webhook_endpoint := taskflow.find_webhook(webhook_secret.id, webhook_secret.tenant);
begin
  return (taskflow.live_secrets(v_e.tenant, 'endpoint ' || v_e.id))[1];
end
$$;
