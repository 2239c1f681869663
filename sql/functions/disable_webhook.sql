-- Stops an endpoint: it gets no more events, and what waits for it is skipped when its turn comes. The other
-- endpoints of its tenant are told (webhook.disabled). Answers whether it was enabled. Raises TF180. Locks: the endpoint.
create or replace function taskflow.disable_webhook(id bigint, reason text default null, tenant text default null)
returns boolean
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
declare
  v_e taskflow.webhook_endpoint := taskflow.find_webhook(disable_webhook.id, disable_webhook.tenant);
  v_reason text := taskflow.plain_text(coalesce(disable_webhook.reason, 'disabled by ' || taskflow.caller()), 500);
begin
  if v_e.disabled_at is not null then
    return false;
  end if;
  update taskflow.webhook_endpoint e
     set disabled_at = taskflow.now(), disabled_reason = v_reason, version = e.version + 1, updated_at = taskflow.now()
   where e.tenant = v_e.tenant and e.id = v_e.id;
  perform taskflow.tell_event(v_e.tenant, 'webhook.disabled', jsonb_build_object(
    'webhook', v_e.id::text, 'url', regexp_replace(v_e.url, '[?].*', ''), 'reason', v_reason), but_not => v_e.id);
  return true;
end
$$;
