-- What the expressions of a step see: the input of its run, and the ends of the steps that they read. Internal.
create or replace function taskflow.step_context(tenant text, run_id bigint, reads integer[]) returns jsonb
language sql stable as $$
  select jsonb_build_object('input', r.input, 'steps', coalesce((
           select jsonb_object_agg(n.name, jsonb_build_object('state', s.state, 'result', s.result, 'error', s.error))
             from unnest(step_context.reads) u (no)
            cross join lateral (
              select s.state, s.result, s.error from taskflow.workflow_step s
               where s.tenant = r.tenant and s.run_id = r.id and s.node = u.no and s.place = -1 offset 0) s
            cross join lateral (
              select n.name from taskflow.workflow_node n where n.tenant = r.tenant and n.workflow_id = r.workflow_id and n.no = u.no offset 0) n), '{}'))
    from taskflow.workflow_run r
   where r.tenant = step_context.tenant and r.id = step_context.run_id
$$;
