-- Writes events and their deliveries, in the transaction of what they tell, and enqueues a job for each
-- delivery: one insert of each kind, whatever their number. What no endpoint wants is not written. `only_to`
-- names one endpoint, which is then told even if it is disabled, and once only; `but_not` leaves one out.
-- Answers the deliveries. Internal.
create or replace function taskflow.send_events(
  tenant text, drafts taskflow.event_draft[], only_to bigint default null, but_not bigint default null
) returns bigint[]
language plpgsql volatile as $$
declare
  v_now timestamptz := taskflow.now();
  v_version smallint := taskflow.published_version('taskflow.deliver');
  v_deliveries bigint[];
  v_jobs bigint[];
  v_queues text[];
  v_queue text;
begin
  -- numbered by windows, as joins of what has no statistics may be planned rows times rows
  with pair as materialized (
    select d.type, d.data, d.place, e.id as endpoint_id, e.queue, row_number() over (partition by d.place order by e.id) as nth
      from unnest(drafts) with ordinality d (type, data, queue, task, place)
      join taskflow.webhook_endpoint e on e.tenant = send_events.tenant
       and case when only_to is not null then e.id = only_to
           else e.disabled_at is null and e.id is distinct from but_not
            and taskflow.listens_to(e.types, d.type)
            and (d.queue is null or e.queues = '{}' or d.queue = any (e.queues))
            and (d.task is null or e.tasks = '{}' or d.task = any (e.tasks)) end),
  delivery as materialized (
    select p.*, max(p.own_id) over (partition by p.place) as event_id,
           nextval('taskflow.webhook_delivery_id_seq') as id, nextval('taskflow.job_id_seq') as job_id
      from (select *, case when nth = 1 then nextval('taskflow.webhook_event_id_seq') end as own_id from pair order by place, nth) p),
  written as (
    insert into taskflow.webhook_event (tenant, id, occurred_at, type, data)
    select send_events.tenant, d.own_id, v_now, d.type, d.data from delivery d where d.nth = 1),
  enqueued as (
    insert into taskflow.job (id, run_at, created_at, max_attempts, priority, tenant, queue, task, created_by, args, args_version)
    select d.job_id, v_now, v_now, case when only_to is null then 10 else 1 end, 2, send_events.tenant, d.queue,
           'taskflow.deliver', taskflow.caller(), jsonb_build_object('delivery_id', d.id), v_version
      from delivery d),
  noted as (
    insert into taskflow.webhook_delivery (tenant, id, endpoint_id, event_id, job_id, created_at)
    select send_events.tenant, d.id, d.endpoint_id, d.event_id, d.job_id, v_now from delivery d)
  select array_agg(d.id order by d.id), array_agg(d.job_id order by d.job_id), array_agg(distinct d.queue)
    into v_deliveries, v_jobs, v_queues
    from delivery d;
  foreach v_queue in array coalesce(v_queues, '{}') loop
    if taskflow.has_limits(tenant, v_queue, 'taskflow.deliver') then
      perform taskflow.relane(tenant, array(
        select j.id from taskflow.job j where j.tenant = send_events.tenant and j.id = any (v_jobs) and j.queue = v_queue));
    end if;
    perform taskflow.wake(v_queue);
  end loop;
  return v_deliveries;
end
$$;
