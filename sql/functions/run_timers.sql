-- Moves on what only waits for the time: delays that are over, signals that did not come, and jobs of
-- stopped runs that could not be asked to stop when the run was. Runs that somebody else holds are left
-- for the next time. Answers how many steps it moved. Internal.
create or replace function taskflow.run_timers(at_time timestamptz) returns integer
language plpgsql volatile as $$
declare
  v_tenant text;
  v_roots bigint[];
  v_jobs bigint[];
  v_ends taskflow.step_end[];
  v_gone taskflow.step_end[];
  v_count integer := 0;
begin
  for v_tenant, v_roots in
    select d.tenant, array_agg(distinct r.root_id)
      from (select s.tenant, s.run_id from taskflow.workflow_step s where s.due_at <= at_time order by s.due_at limit 500) d
      join taskflow.workflow_run r on r.tenant = d.tenant and r.id = d.run_id
     group by d.tenant order by d.tenant
  loop
    v_roots := array(select r.id from taskflow.workflow_run r
                      where r.tenant = v_tenant and r.id = any (v_roots) order by r.id for no key update skip locked);
    select array_agg(row(s.run_id, s.node, s.place, case n.kind when 'delay' then 'succeeded' else 'failed' end, null,
                         case n.kind when 'signal' then format('no signal "%s" came in %s', n.target, n.pause) end)::taskflow.step_end
                     order by s.run_id, s.node) filter (where s.state = 'waiting'),
           array_agg(s.job_id order by s.job_id) filter (where s.state = 'scheduled'), v_count + count(*)
      into v_ends, v_jobs, v_count
      from taskflow.workflow_step s
      join taskflow.workflow_run r on r.tenant = s.tenant and r.id = s.run_id
      join taskflow.workflow_node n on n.tenant = r.tenant and n.workflow_id = r.workflow_id and n.no = s.node
     where s.tenant = v_tenant and s.due_at <= at_time and r.root_id = any (v_roots);
    if v_jobs is not null then
      v_jobs := taskflow.cancel_jobs(v_tenant, v_jobs, 'its run was stopped');
      select array_agg(row(s.run_id, s.node, s.place, 'cancelled', null, null)::taskflow.step_end) into v_gone
        from taskflow.workflow_step s where s.tenant = v_tenant and s.job_id = any (v_jobs);
      v_ends := v_ends || v_gone;
    end if;
    if v_ends is not null then
      perform taskflow.end_steps(v_tenant, v_ends);
    end if;
    if v_jobs is not null then
      perform taskflow.tell_followers(v_tenant, v_jobs, 'cancelled');
    end if;
  end loop;
  return v_count;
end
$$;
