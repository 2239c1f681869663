-- Records that a worker is about to sleep, so that enqueue wakes it, and answers in how many seconds
-- the next job of its queues falls due (NULL: none is scheduled; see next_due). Claim once more after this and
-- before sleeping: a job committed in between sent no wake-up.
create or replace function taskflow.wait_for_work(
  worker_id bigint, queues text[], patience interval default '1 minute'
) returns double precision
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
#variable_conflict use_column
declare
  v_now timestamptz := taskflow.now();
begin
  insert into taskflow.waiter as w (queue, worker_id, until)
  select q, wait_for_work.worker_id, v_now + patience
    from (select distinct u from unnest(queues) u where u is not null) d (q) order by q
  on conflict (tenant, queue, worker_id) do update set until = excluded.until
   where w.until < v_now + patience / 2;
  return taskflow.next_due(queues);
end
$$;
