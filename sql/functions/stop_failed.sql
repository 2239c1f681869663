-- Stops the runs in which a step has failed whose failure is not to be lived with. Answers the runs that
-- were stopped, those of their steps included. Internal.
create or replace function taskflow.stop_failed(tenant text, ended taskflow.step_end[]) returns bigint[]
language plpgsql volatile as $$
declare
  v_run record;
  v_stopped bigint[];
begin
  for v_run in
    select distinct on (e.run_id) e.run_id, n.fate,
           format('step %s%s %s%s', n.name, case when e.place >= 0 then '[' || e.place || ']' end,
                  case e.state when 'failed' then 'failed' else 'was cancelled' end, coalesce(': ' || s.error, '')) as reason
      from unnest(ended) e
      join taskflow.workflow_run r on r.tenant = stop_failed.tenant and r.id = e.run_id and r.ending is null
      join taskflow.workflow_node n on n.tenant = r.tenant and n.workflow_id = r.workflow_id and n.no = e.node
      join taskflow.workflow_step s on s.tenant = r.tenant and s.run_id = e.run_id and s.node = e.node and s.place = e.place
     where e.state in ('failed', 'cancelled') and e.place >= -1 and n.fate <> 'continue'
     order by e.run_id, n.fate = 'compensate' desc, e.node, e.place
  loop
    v_stopped := v_stopped || taskflow.stop_run(
      tenant, v_run.run_id, case v_run.fate when 'compensate' then 'compensate' else 'failed' end, v_run.reason);
  end loop;
  return v_stopped;
end
$$;
