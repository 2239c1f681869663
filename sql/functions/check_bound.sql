-- Raises 42501 for a queue that the API has not bound this transaction to. Internal.
create or replace function taskflow.check_bound(queue text) returns void
language plpgsql stable as $$
begin
  if check_bound.queue <> all (taskflow.bound_queues()) then
    raise exception 'this call is bound to queues %, not %', array_to_string(taskflow.bound_queues(), ', '), check_bound.queue
      using errcode = '42501';
  end if;
end
$$;
