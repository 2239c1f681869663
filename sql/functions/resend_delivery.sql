-- Sends the event of a delivery again, as a new delivery to the same endpoint: with the same id, by which a receiver
-- that has had it knows. Answers the new delivery's id. Raises TF180 for an endpoint that is no more, TF183.
create or replace function taskflow.resend_delivery(id bigint, tenant text default null) returns bigint
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
declare
  v_tenant text := taskflow.tenant_of(resend_delivery.tenant);
  v_endpoint bigint;
begin
  select d.endpoint_id into v_endpoint from taskflow.webhook_delivery d where d.tenant = v_tenant and d.id = resend_delivery.id;
  if not found then
    raise exception 'delivery % does not exist', resend_delivery.id using errcode = 'TF183', hint = 'Its retention may be over.';
  end if;
  perform taskflow.find_webhook(v_endpoint, v_tenant);
  return (taskflow.redeliver(v_tenant, array[resend_delivery.id]))[1];
end
$$;
