-- Registers a worker process and answers its id, new at each start: a host name or a pod name comes
-- back after a crash and would make its predecessor's jobs look alive. Raises TF110, TF111, TF112.
create or replace function taskflow.join_worker(
  name text,
  queues text[] default '{default}',
  slots integer[] default '{1}',
  tasks text[] default null,
  lease interval default '30 seconds',
  host text default null,
  pid integer default null,
  version text default null
) returns bigint
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
#variable_conflict use_column
declare
  v_id bigint;
begin
  perform taskflow.check_lease(lease);
  if not (taskflow.is_list(queues) and taskflow.is_list(slots) and taskflow.is_list(tasks)) then
    raise exception 'queues, slots and tasks must be plain lists'
      using errcode = 'TF111', hint = 'Give arrays of one dimension, counted from 1.';
  end if;
  perform taskflow.check_name('queue', q) from unnest(coalesce(queues, '{}')) q;
  insert into taskflow.worker (name, host, pid, version, queues, slots, tasks, started_at, lease_until)
  values (left(coalesce(join_worker.name, 'worker'), 200), join_worker.host, join_worker.pid, join_worker.version,
          coalesce(join_worker.queues, '{}'), coalesce(join_worker.slots, '{}'), join_worker.tasks, taskflow.now(),
          taskflow.now() + join_worker.lease)
  returning id into v_id;
  perform taskflow.note_queue('default', q) from unnest(queues) q
    where not exists (select from taskflow.queue k where k.tenant = 'default' and k.name = q);
  return v_id;
end
$$;
