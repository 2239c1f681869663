-- Takes a worker off the list at its clean end. Jobs it still holds stay with their leases.
create or replace function taskflow.leave_worker(worker_id bigint) returns void
language sql volatile security definer set search_path = taskflow, pg_temp as $$
  delete from taskflow.waiter w where w.worker_id = leave_worker.worker_id;
  delete from taskflow.worker w where w.tenant = 'default' and w.id = leave_worker.worker_id;
$$;
