-- Starts a run of a stored definition: checks its input, writes it, lets its first steps go. Answers the
-- run that has the key already, if one has. Internal.
create or replace function taskflow.start_definition(
  tenant text, workflow_id bigint, name text, input jsonb, key text, out id bigint, out outcome text
)
language plpgsql volatile
-- as in end_steps: plans that are made here are used there
set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
  v_first taskflow.step_ref[];
  v_ends taskflow.step_end[];
begin
  perform taskflow.check_args(coalesce(start_definition.input, '{}'), taskflow.config('max_args_bytes')::integer);
  outcome := 'started';
  loop
    id := taskflow.start_run(tenant, workflow_id, name, coalesce(input, '{}'), key, null, null, null);
    exit when id is not null;
    select r.id, 'existing' into id, outcome from taskflow.workflow_run r
     where r.tenant = start_definition.tenant and r.name = start_definition.name and r.key = start_definition.key;
    if found then
      return;
    end if;
  end loop;
  select array_agg(row(s.run_id, s.node, s.place)::taskflow.step_ref order by s.node) into v_first
    from taskflow.workflow_step s
   where s.tenant = start_definition.tenant and s.run_id = start_definition.id and s.remaining = 0;
  v_ends := taskflow.release_steps(tenant, v_first);
  if v_ends is not null then
    perform taskflow.end_steps(tenant, v_ends);
  end if;
end
$$;
