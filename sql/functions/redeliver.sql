-- Makes a new delivery, and a job for it, of the event of each of these deliveries. Answers their ids. Internal.
create or replace function taskflow.redeliver(tenant text, ids bigint[]) returns bigint[]
language plpgsql volatile as $$
declare
  v_new bigint[];
  v_old record;
  v_id bigint;
begin
  for v_old in
    select d.endpoint_id, d.event_id, e.queue from taskflow.webhook_delivery d
      join taskflow.webhook_endpoint e on e.tenant = d.tenant and e.id = d.endpoint_id
     where d.tenant = redeliver.tenant and d.id = any (ids) order by d.id
  loop
    v_id := nextval('taskflow.webhook_delivery_id_seq');
    insert into taskflow.webhook_delivery (tenant, id, endpoint_id, event_id, created_at, job_id)
    values (redeliver.tenant, v_id, v_old.endpoint_id, v_old.event_id, taskflow.now(),
            taskflow.enqueue('taskflow.deliver', jsonb_build_object('delivery_id', v_id), v_old.queue, tenant => redeliver.tenant, max_attempts => 10));
    v_new := v_new || v_id;
  end loop;
  return v_new;
end
$$;
