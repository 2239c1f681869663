-- Takes back wait_for_work: a busy worker needs no wake-ups, and enqueue should not pay for them.
create or replace function taskflow.stop_waiting(worker_id bigint) returns void
language sql volatile security definer set search_path = taskflow, pg_temp as $$
  delete from taskflow.waiter w where w.worker_id = stop_waiting.worker_id
$$;
