-- Sends a signal to a run: the step that waits for this name goes on, and gives the payload as its
-- result. One that comes before the step waits is kept for it, and each signal is taken by one step.
-- Answers 'taken' or 'kept'. Raises TF111 when no step of the workflow waits for this name, TF114 for a
-- payload that is too large, TF162 for an unknown run, TF163 when it has ended.
create or replace function taskflow.signal(run_id bigint, name text, payload jsonb default null, tenant text default null)
returns text
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
declare
  v_tenant text := taskflow.tenant_of(signal.tenant);
  v_run taskflow.workflow_run := taskflow.find_run(signal.run_id, v_tenant);
  v_known text;
  v_node integer;
begin
  if v_run.finished_at is not null then
    raise exception 'run % has ended: %', v_run.id, v_run.state
      using errcode = 'TF163', hint = 'Only a run that goes on can be sent a signal.';
  elsif not taskflow.result_ok(signal.payload, taskflow.config('max_args_bytes')::integer) then
    raise exception 'the payload takes more than % bytes or 64 levels', taskflow.config('max_args_bytes')
      using errcode = 'TF114', hint = 'Store it elsewhere and send its key.';
  end if;
  select string_agg(distinct n.target, ', ') into v_known from taskflow.workflow_node n
   where n.tenant = v_tenant and n.workflow_id = v_run.workflow_id and n.kind = 'signal';
  if not coalesce(signal.name = any (string_to_array(v_known, ', ')), false) then
    raise exception 'no step of run % waits for a signal "%"', v_run.id, left(signal.name, 100)
      using errcode = 'TF111', hint = coalesce('There is: ' || left(v_known, 400) || '.', 'A run that is a step of it may be the one that waits.');
  end if;
  select s.node into v_node
    from taskflow.workflow_step s
    join taskflow.workflow_node n on n.tenant = v_tenant and n.workflow_id = v_run.workflow_id and n.no = s.node
   where s.tenant = v_tenant and s.run_id = v_run.id and s.state = 'waiting' and n.kind = 'signal' and n.target = signal.name
   order by s.node limit 1;
  insert into taskflow.workflow_signal (tenant, run_id, name, payload, sent_at, sent_by, taken_by)
  values (v_tenant, v_run.id, signal.name, signal.payload, taskflow.now(), taskflow.caller(), v_node);
  if v_node is null then
    return 'kept';
  end if;
  perform taskflow.end_steps(v_tenant, array[row(v_run.id, v_node, -1, 'succeeded', signal.payload, null)::taskflow.step_end]);
  return 'taken';
end
$$;
