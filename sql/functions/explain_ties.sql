-- explain's part about the run and the batch that a job belongs to. Internal.
create or replace function taskflow.explain_ties(id bigint, tenant text)
returns table (cause text, sentence text, detail jsonb)
language sql stable as $$
  select 'step', format('It is step %s%s%s of run %s%s, which is %s.', n.name, case when s.place >= 0 then '[' || s.place || ']' end,
                        case when s.place < -1 then ' (compensation)' end, r.id, coalesce(' of ' || r.name, ''), r.state),
         jsonb_build_object('run_id', r.id::text, 'step', n.name, 'workflow', r.name)
    from taskflow.workflow_step s
    join taskflow.workflow_run r on r.tenant = s.tenant and r.id = s.run_id
    join taskflow.workflow_node n on n.tenant = r.tenant and n.workflow_id = r.workflow_id and n.no = s.node
   where s.tenant = taskflow.tenant_of(explain_ties.tenant) and s.job_id = explain_ties.id
  union all
  select 'batch', format('It is in batch %s%s, of which %s jobs are left.', b.id, coalesce(' (' || b.name || ')', ''), b.pending),
         jsonb_build_object('batch_id', b.id::text)
    from taskflow.batch_job m
    join taskflow.batch_view b on b.tenant = m.tenant and b.id = m.batch_id
   where m.tenant = taskflow.tenant_of(explain_ties.tenant) and m.job_id = explain_ties.id
$$;
