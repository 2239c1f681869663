-- Removes events, deliveries, attempts and ids of received webhooks past their retention, at most 10,000 of each at a
-- call. Internal.
create or replace function taskflow.prune_webhooks(at_time timestamptz) returns void
language plpgsql volatile as $$
declare
  v_old timestamptz := at_time - taskflow.config('webhook_retention')::interval;
begin
  with old as materialized (
    select e.ctid as place from taskflow.webhook_event e where e.occurred_at < v_old
     order by e.occurred_at limit 10000 for update skip locked)
  delete from taskflow.webhook_event e using old o where e.ctid = o.place;
  with old as materialized (
    select d.ctid as place from taskflow.webhook_delivery d where d.created_at < v_old
     order by d.created_at limit 10000 for update skip locked)
  delete from taskflow.webhook_delivery d using old o where d.ctid = o.place;
  with old as materialized (
    select a.ctid as place from taskflow.webhook_attempt a where a.finished_at < v_old
     order by a.finished_at limit 10000 for update skip locked)
  delete from taskflow.webhook_attempt a using old o where a.ctid = o.place;
  with old as materialized (
    select r.ctid as place from taskflow.webhook_received r
     where r.received_at < at_time - taskflow.config('received_retention')::interval
     order by r.received_at limit 10000 for update skip locked)
  delete from taskflow.webhook_received r using old o where r.ctid = o.place;
end
$$;
