-- In how many seconds the next scheduled job of these queues falls due, or a lane with news is to be looked
-- at; NULL when there is neither.
create or replace function taskflow.next_due(queues text[]) returns double precision
language sql volatile security definer set search_path = taskflow, pg_temp as $$
  with clock as materialized (select taskflow.now() as now)
  select extract(epoch from least(
    (select min(due.run_at)
       from unnest(queues) q
      cross join generate_series(0, 3) p
      cross join lateral (
        select j.run_at from taskflow.job j
         where j.queue = q and j.priority = p and j.run_at > (select now from clock)
         order by j.run_at, j.id limit 1) due),
    (select min(r.at)
       from unnest(queues) q
      cross join lateral (select b.at from taskflow.lane_bell b where b.queue = q order by b.at limit 1) r))
    - (select now from clock))
$$;
