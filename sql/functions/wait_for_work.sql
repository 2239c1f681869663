-- Records that a worker is about to sleep, so that enqueue wakes it, and answers in how many seconds
-- the next job of its queues falls due (NULL: none is scheduled). Claim once more after this and
-- before sleeping: a job committed in between sent no wake-up.
create or replace function taskflow.wait_for_work(
  worker_id bigint, queues text[], patience interval default '1 minute'
) returns double precision
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
#variable_conflict use_column
declare
  v_now timestamptz := taskflow.now();
  v_next timestamptz;
begin
  insert into taskflow.waiter as w (queue, worker_id, until)
  select q, wait_for_work.worker_id, v_now + patience
    from (select distinct u from unnest(queues) u where u is not null) d (q) order by q
  on conflict (tenant, queue, worker_id) do update set until = excluded.until
   where w.until < v_now + patience / 2;
  select min(due.run_at) into v_next
    from unnest(queues) q
    cross join generate_series(0, 3) p
    cross join lateral (
      select j.run_at from taskflow.job j
       where j.queue = q and j.priority = p and j.run_at > v_now
       order by j.run_at, j.id limit 1) due;
  v_next := least(v_next, (
    select min(r.at) from unnest(queues) q
     cross join lateral (select b.at from taskflow.lane_bell b where b.queue = q order by b.at limit 1) r));
  return extract(epoch from v_next - v_now);
end
$$;
