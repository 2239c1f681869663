-- Starts the runs of steps that are workflows, and their first steps. Answers what ended at once: a step
-- whose workflow is not there, or lies too deep, fails. Internal.
create or replace function taskflow.start_children(tenant text, steps taskflow.step_job[]) returns taskflow.step_end[]
language plpgsql volatile as $$
declare
  v_step record;
  v_child bigint;
  v_children bigint[];
  v_ends taskflow.step_end[];
  v_first taskflow.step_ref[];
begin
  for v_step in
    select g.run_id, g.node, g.place, g.args, r as run, n.target, n.version,
           (select w.id from taskflow.workflow w
             where w.tenant = start_children.tenant and w.name = n.target and (n.version is null or w.version = n.version)
             order by w.version desc limit 1) as workflow_id
      from unnest(steps) g
      join taskflow.workflow_run r on r.tenant = start_children.tenant and r.id = g.run_id
      join taskflow.workflow_node n on n.tenant = r.tenant and n.workflow_id = r.workflow_id and n.no = g.node
  loop
    if v_step.workflow_id is null or (v_step.run).depth >= 8 then
      v_ends := v_ends || row(v_step.run_id, v_step.node, v_step.place, 'failed', null,
        case when v_step.workflow_id is null then format('there is no workflow "%s"', v_step.target)
             else 'workflows lie more than 8 deep' end)::taskflow.step_end;
      continue;
    end if;
    v_child := taskflow.start_run(tenant, v_step.workflow_id, v_step.target, v_step.args, null, v_step.run, v_step.node, v_step.place);
    v_children := v_children || v_child;
    update taskflow.workflow_step s
       set state = 'scheduled', child_id = v_child, started_at = taskflow.now(), finished_at = null, attempt = s.attempt + 1, error = null, result = null
     where s.tenant = start_children.tenant and s.run_id = v_step.run_id and s.node = v_step.node and s.place = v_step.place;
  end loop;
  select array_agg(row(s.run_id, s.node, s.place)::taskflow.step_ref order by s.run_id, s.node) into v_first
    from unnest(v_children) c (id)
    join taskflow.workflow_step s on s.tenant = start_children.tenant and s.run_id = c.id and s.remaining = 0;
  if v_first is not null then
    v_ends := v_ends || taskflow.release_steps(tenant, v_first);
  end if;
  return v_ends;
end
$$;
