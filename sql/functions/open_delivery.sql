-- What a worker needs for a delivery: where to send what, the headers, and the secrets to sign with. No row: there
-- is nothing to do, because the job is not the delivery's own, it was delivered, its endpoint is disabled or
-- deleted, or it is past retention; the delivery is then marked as skipped, if it waited. The body is the
-- same at each attempt. Locks: the delivery.
create or replace function taskflow.open_delivery(id bigint, job_id bigint, tenant text default 'default')
returns table (url text, headers jsonb, secrets text[], event_id bigint, body text, sent_at timestamptz)
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
#variable_conflict use_column
declare
  v_d taskflow.webhook_delivery;
begin
  select * into v_d from taskflow.webhook_delivery d
   where d.tenant = open_delivery.tenant and d.id = open_delivery.id and d.job_id = open_delivery.job_id for update;
  if not found or v_d.state in ('delivered', 'gone', 'skipped') then
    return;
  end if;
  return query
    select e.url, e.headers, taskflow.live_secrets(e.tenant, 'endpoint ' || e.id), v.id,
           json_build_object('id', 'evt_' || v.id, 'type', v.type, 'timestamp', taskflow.tick_text(v.occurred_at), 'data', v.data)::text,
           taskflow.now()
      from taskflow.webhook_endpoint e
      join taskflow.webhook_event v on v.tenant = e.tenant and v.id = v_d.event_id
     where e.tenant = open_delivery.tenant and e.id = v_d.endpoint_id
       and (e.disabled_at is null or v.type = 'webhook.test');
  if not found then
    update taskflow.webhook_delivery d set state = 'skipped', finished_at = taskflow.now()
     where d.tenant = open_delivery.tenant and d.id = open_delivery.id;
  end if;
end
$$;
