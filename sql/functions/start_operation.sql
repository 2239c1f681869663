-- Begins an act on many jobs, which a worker then does in the background: a job of the task
-- taskflow.operate, in `queue`. Answers the operation's id.
--
--   verb      retry, cancel, discard, reschedule, move or priority
--   filter    which jobs: {"states", "tasks", "queues", "tags", "ids", "fingerprints", "since", "until"},
--             lists but for the times; what is left out does not restrict
--   params    {"run_at"} for reschedule, {"queue"} for move, {"priority"} for priority
--   rate      at most so many jobs a second
--   up_to     the highest id to act on, so that jobs enqueued later are left alone
--   expected  how many jobs the caller saw: shown beside the progress
--
-- Raises TF111 for an unknown verb or missing params.
create or replace function taskflow.start_operation(
  verb text,
  filter jsonb,
  params jsonb default '{}',
  rate integer default null,
  reason text default null,
  up_to bigint default null,
  expected bigint default 0,
  queue text default 'default',
  tenant text default null
) returns bigint
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
#variable_conflict use_variable
declare
  v_tenant text := taskflow.tenant_of(tenant);
  v_needed text := case verb when 'reschedule' then 'run_at' when 'move' then 'queue' when 'priority' then 'priority'
                                 when 'undo' then 'operation' end;
  v_id bigint;
begin
  if verb is null or verb not in ('retry', 'cancel', 'discard', 'reschedule', 'move', 'priority', 'undo') then
    raise exception 'verb % is not known', coalesce(quote_literal(left(verb, 40)), 'NULL')
      using errcode = 'TF111', hint = 'Use retry, cancel, discard, reschedule, move or priority.';
  elsif v_needed is not null and params ->> v_needed is null then
    raise exception '% needs params with %', verb, v_needed
      using errcode = 'TF111', hint = format('Write params => ''{"%s": ...}''.', v_needed);
  elsif jsonb_typeof(filter) is distinct from 'object' then
    raise exception 'filter must be a JSON object' using errcode = 'TF111', hint = 'Write {} for all jobs.';
  elsif rate not between 1 and 100000 then
    raise exception 'rate is %, it must be 1 to 100000 jobs a second', rate using errcode = 'TF111', hint = 'Leave it out for no bound.';
  end if;
  insert into taskflow.operation (tenant, verb, filter, params, rate, reason, undoes, created_by, created_at, expected, up_to)
  values (v_tenant, verb, filter, coalesce(params, '{}'), rate, left(reason, 1000), (params ->> 'operation')::bigint,
          taskflow.caller(), taskflow.now(), expected, coalesce(up_to, (select s.last_value from taskflow.job_id_seq s)))
  returning operation.id into v_id;
  update taskflow.operation o
     set job_id = taskflow.enqueue('taskflow.operate', jsonb_build_object('operation_id', v_id), start_operation.queue,
                                   tenant => v_tenant, max_attempts => 20)
   where o.tenant = v_tenant and o.id = v_id;
  return v_id;
end
$$;
