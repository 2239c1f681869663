-- Wakes idle workers of a queue, if there are any. A commit that carries a NOTIFY takes an
-- instance-wide lock (one-row inserts: 4,800 instead of 27,000 per second), so a queue with no
-- sleeper gets none. A missed wake-up costs at most one poll interval.
create or replace function taskflow.wake(queue text) returns void
language plpgsql volatile as $$
begin
  if exists (select from taskflow.waiter w where w.tenant = 'default' and w.queue = wake.queue and w.until > taskflow.now()) then
    perform pg_notify('taskflow', 'queue ' || wake.queue);
  end if;
end
$$;
