-- Lets go what may go in a run that was just reopened. Answers what ended at once. Internal.
create or replace function taskflow.resume_run(tenant text, run_id bigint) returns taskflow.step_end[]
language plpgsql volatile as $$
declare
  v_step record;
  v_go taskflow.step_ref[];
  v_ends taskflow.step_end[];
begin
  select array_agg(row(s.run_id, s.node, -1)::taskflow.step_ref order by s.node) filter (where s.is_live or n.needs = '{}'),
         array_agg(row(s.run_id, s.node, -1, 'skipped', null, null)::taskflow.step_end order by s.node) filter (where not s.is_live and n.needs <> '{}')
    into v_go, v_ends
    from taskflow.workflow_run r
    join taskflow.workflow_step s on s.tenant = r.tenant and s.run_id = r.id and s.place = -1 and s.state = 'pending' and s.remaining = 0
   cross join lateral (
     select n.needs from taskflow.workflow_node n
      where n.tenant = r.tenant and n.workflow_id = r.workflow_id and n.no = s.node offset 0) n
   where r.tenant = resume_run.tenant and r.id = resume_run.run_id;
  for v_step in
    select s.node, n.spec, i.waiting, i.running
      from taskflow.workflow_run r
      join taskflow.workflow_step s on s.tenant = r.tenant and s.run_id = r.id and s.place = -1 and s.state = 'scheduled'
     cross join lateral (
       select w as spec from taskflow.workflow_node w
        where w.tenant = r.tenant and w.workflow_id = r.workflow_id and w.no = s.node and w.items is not null offset 0) n
     cross join lateral (
       select count(*) filter (where o.state = 'pending')::integer as waiting, count(*) filter (where o.state = 'scheduled')::integer as running
         from taskflow.workflow_step o where o.tenant = s.tenant and o.run_id = s.run_id and o.node = s.node and o.place >= 0) i
     where r.tenant = resume_run.tenant and r.id = resume_run.run_id
  loop
    if v_step.waiting > 0 then
      v_ends := v_ends || taskflow.release_items(tenant, run_id, v_step.spec, coalesce((v_step.spec).max_parallel, v_step.waiting) - v_step.running);
    elsif v_step.running = 0 then  -- every item has ended well, but the step itself had not
      v_ends := v_ends || taskflow.end_items(tenant, array[row(run_id, v_step.node, 0, null, null, null)::taskflow.step_end]);
    end if;
  end loop;
  if v_go is not null then
    v_ends := v_ends || taskflow.release_steps(tenant, v_go);
  end if;
  return v_ends || taskflow.end_runs(tenant, array[run_id]);
end
$$;
