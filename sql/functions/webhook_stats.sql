-- How an endpoint has fared since a time (by default a day ago): deliveries by state, attempts, and how long its
-- answers took, in milliseconds. For whoever may see the tenant's jobs.
create or replace function taskflow.webhook_stats(
  id bigint,
  since timestamptz default null,
  tenant text default null,
  out pending bigint, out delivered bigint, out failed bigint, out gone bigint, out skipped bigint, out attempts bigint,
  out median_ms integer, out p95_ms integer, out last_delivered_at timestamptz
)
language sql volatile security definer set search_path = taskflow, pg_temp as $$
  select count(*) filter (where d.state = 'pending'), count(*) filter (where d.state = 'delivered'),
         count(*) filter (where d.state = 'failed'), count(*) filter (where d.state = 'gone'),
         count(*) filter (where d.state = 'skipped'), coalesce(sum(d.attempts), 0),
         percentile_disc(0.5) within group (order by d.last_duration_ms), percentile_disc(0.95) within group (order by d.last_duration_ms),
         max(d.finished_at) filter (where d.state = 'delivered')
    from taskflow.webhook_delivery d
   where d.tenant = taskflow.tenant_of(webhook_stats.tenant) and d.endpoint_id = webhook_stats.id
     and d.created_at >= coalesce(webhook_stats.since, taskflow.now() - interval '1 day')
$$;
