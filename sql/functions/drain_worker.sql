-- Asks a worker to stop in good order: it claims no more, gives its running jobs the grace time, and
-- ends. It learns of it at once or, if the wake-up is lost, within a third of its lease, at its next
-- renewal; one that reports no state to `renew` does not learn of it. Answers false for one whose lease has run out. Raises TF140 for an unknown one, 42501 for the
-- API on behalf of a tenant: workers serve them all. Locks: the worker's row.
create or replace function taskflow.drain_worker(id bigint) returns boolean
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
declare
  v_is_alive boolean;
begin
  perform taskflow.tenant_of('default');
  update taskflow.worker w set state = 'draining'
   where w.tenant = 'default' and w.id = drain_worker.id
  returning w.lease_until > taskflow.now() into v_is_alive;
  if v_is_alive is null then
    raise exception 'worker % is not registered', drain_worker.id
      using errcode = 'TF140', hint = 'See taskflow workers list.';
  end if;
  perform pg_notify('taskflow', 'cancel ' || drain_worker.id);
  return v_is_alive;
end
$$;
