-- Lets steps go whose turn has come: enqueues their jobs, starts what waits for a signal or a time, and
-- the runs of those that are workflows. Answers those that ended at once: skipped, failed before they
-- began, or with nothing to wait for. The caller holds the locks of their runs. Internal.
create or replace function taskflow.release_steps(tenant text, steps taskflow.step_ref[]) returns taskflow.step_end[]
language plpgsql volatile as $$
declare
  v_step record;
  v_found record;
  v_jobs taskflow.step_job[];
  v_children taskflow.step_job[];
  v_ends taskflow.step_end[];
begin
  -- most need no thought: all of these at once
  select array_agg(row(g.run_id, g.node, g.place, n.args)::taskflow.step_job order by g.run_id, g.node) into v_jobs
    from unnest(steps) g
   cross join lateral (
     select r.workflow_id from taskflow.workflow_run r where r.tenant = release_steps.tenant and r.id = g.run_id offset 0) r
   cross join lateral (
     select n.args from taskflow.workflow_node n
      where n.tenant = release_steps.tenant and n.workflow_id = r.workflow_id and n.no = g.node
        and n.kind = 'task' and n.condition is null and n.items is null and not n.has_paths offset 0) n;
  if coalesce(cardinality(v_jobs), 0) < cardinality(steps) then
    for v_step in
      select g.run_id, g.node, g.place, n::taskflow.workflow_node as spec
        from unnest(steps) g
       cross join lateral (
         select r.workflow_id from taskflow.workflow_run r where r.tenant = release_steps.tenant and r.id = g.run_id offset 0) r
       cross join lateral (
         select n.* from taskflow.workflow_node n
          where n.tenant = release_steps.tenant and n.workflow_id = r.workflow_id and n.no = g.node
            and (n.kind <> 'task' or n.condition is not null or n.items is not null or n.has_paths) offset 0) n
       order by g.run_id, g.node
    loop
      select * into v_found from taskflow.evaluate_step(tenant, v_step.run_id, v_step.spec);
      if v_found.verdict <> 'go' then
        v_ends := v_ends || row(v_step.run_id, v_step.node, -1, case v_found.verdict when 'skip' then 'skipped' else 'failed' end,
                                null, v_found.said)::taskflow.step_end;
      elsif v_found.items is not null then
        v_ends := v_ends || taskflow.expand_step(tenant, v_step.run_id, v_step.spec, v_found.items);
      elsif (v_step.spec).kind = 'task' then
        v_jobs := v_jobs || row(v_step.run_id, v_step.node, -1, v_found.args)::taskflow.step_job;
      elsif (v_step.spec).kind = 'workflow' then
        v_children := v_children || row(v_step.run_id, v_step.node, -1, v_found.args)::taskflow.step_job;
      else
        v_ends := v_ends || taskflow.begin_wait(tenant, v_step.run_id, v_step.spec);
      end if;
    end loop;
  end if;
  if v_jobs is not null then
    perform taskflow.place_step_jobs(tenant, v_jobs);
  end if;
  if v_children is not null then
    v_ends := v_ends || taskflow.start_children(tenant, v_children);
  end if;
  return v_ends;
end
$$;
