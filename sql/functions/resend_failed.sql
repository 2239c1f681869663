-- Sends again what an endpoint did not get since a time: each event whose deliveries have all failed or were skipped,
-- once, the oldest first, at most `max_deliveries`. Answers how many. Raises TF180. Locks: the endpoint.
create or replace function taskflow.resend_failed(
  id bigint, since timestamptz default '-infinity', max_deliveries integer default 1000, tenant text default null
) returns integer
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
declare
  v_e taskflow.webhook_endpoint := taskflow.find_webhook(resend_failed.id, resend_failed.tenant);
begin
  return coalesce(cardinality(taskflow.redeliver(v_e.tenant, array(
    select max(d.id) from taskflow.webhook_delivery d
     where d.tenant = v_e.tenant and d.endpoint_id = v_e.id and d.created_at >= since
     group by d.event_id having bool_and(d.state in ('failed', 'skipped'))
     order by 1 limit least(max_deliveries, 10000)))), 0);
end
$$;
