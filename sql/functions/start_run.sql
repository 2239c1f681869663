-- Writes a run and its steps, all of them pending; NULL when the key is taken. `parent` is the run of
-- which it is a step, NULL for one that stands alone. Internal.
create or replace function taskflow.start_run(
  tenant text, workflow_id bigint, name text, input jsonb, key text, parent taskflow.workflow_run, node integer, place integer
) returns bigint
language plpgsql volatile as $$
declare
  v_id bigint := nextval('taskflow.job_id_seq');
begin
  insert into taskflow.workflow_run (id, root_id, workflow_id, created_at, parent_id, parent_node, parent_place, depth, tenant,
                                     name, key, created_by, input, total)
  select v_id, coalesce(parent.root_id, v_id), start_run.workflow_id, taskflow.now(), parent.id, start_run.node, start_run.place,
         coalesce(parent.depth + 1, 0), start_run.tenant, start_run.name, start_run.key, coalesce(parent.created_by, taskflow.caller()),
         start_run.input, count(*)
    from taskflow.workflow_node n
   where n.tenant = start_run.tenant and n.workflow_id = start_run.workflow_id
  on conflict do nothing;
  if not found then
    return null;
  end if;
  insert into taskflow.workflow_step (tenant, run_id, node, remaining)
  select start_run.tenant, v_id, n.no, cardinality(n.needs)
    from taskflow.workflow_node n
   where n.tenant = start_run.tenant and n.workflow_id = start_run.workflow_id
   order by n.no;
  return v_id;
end
$$;
