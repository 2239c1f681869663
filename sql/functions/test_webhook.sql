-- Sends an event of type webhook.test to one endpoint, even a disabled one, and tries it once. Answers the
-- delivery's id: its row tells what became of it. Raises TF180.
create or replace function taskflow.test_webhook(id bigint, tenant text default null) returns bigint
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
declare
  v_e taskflow.webhook_endpoint := taskflow.find_webhook(test_webhook.id, test_webhook.tenant);
begin
  return (taskflow.send_events(v_e.tenant, array[row('webhook.test', jsonb_build_object('webhook', v_e.id::text), null, null)
                                                 ::taskflow.event_draft], only_to => v_e.id))[1];
end
$$;
