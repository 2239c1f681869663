-- Ends those of these runs that have no open step left: works out what they give, and begins or goes on
-- with compensations where a failure asked for them. Answers the ends of the steps that they are. Internal.
create or replace function taskflow.end_runs(tenant text, run_ids bigint[]) returns taskflow.step_end[]
language plpgsql volatile as $$
declare
  v_now timestamptz := taskflow.now();
  v_run taskflow.workflow_run;
  v_state text;
  v_output jsonb;
  v_workflow taskflow.workflow;
  v_ends taskflow.step_end[];
begin
  for v_run in
    select * from taskflow.workflow_run r
     where r.tenant = end_runs.tenant and r.id = any (run_ids) and r.finished_at is null
       and r.total = r.succeeded + r.skipped + r.failed + r.cancelled + r.compensated
     order by r.id
  loop
    if v_run.ending is not distinct from 'compensate' and taskflow.compensate_next(tenant, v_run) then
      continue;
    end if;
    v_state := case v_run.ending when 'compensate' then 'failed' else coalesce(v_run.ending, 'succeeded') end;
    v_output := null;
    if v_state = 'succeeded' then
      select * into v_workflow from taskflow.workflow w where w.tenant = end_runs.tenant and w.id = v_run.workflow_id;
      if v_workflow.output is not null then
        begin
          v_output := taskflow.fill_template(v_workflow.output, taskflow.step_context(tenant, v_run.id, v_workflow.output_reads));
          if not taskflow.result_ok(v_output, taskflow.config('max_result_bytes')::integer) then
            raise exception 'it takes more than % bytes or 64 levels', taskflow.config('max_result_bytes');
          end if;
        exception when others then
          v_state := 'failed';
          v_output := null;
          v_run.reason := 'its output cannot be worked out: ' || sqlerrm;
        end;
      end if;
    end if;
    update taskflow.workflow_run r set state = v_state, finished_at = v_now, output = v_output, reason = v_run.reason
     where r.tenant = end_runs.tenant and r.id = v_run.id;
    perform taskflow.announce(tenant, array[v_run.id]);
    if v_run.parent_id is not null then
      v_ends := v_ends || row(v_run.parent_id, v_run.parent_node, v_run.parent_place, v_state, v_output,
        -- cancelled with the run above it, a step has no reason of its own
        case when v_state = 'failed' or (v_state = 'cancelled' and (
               select p.ending is null from taskflow.workflow_run p where p.tenant = end_runs.tenant and p.id = v_run.parent_id))
             then format('run %s %s%s', v_run.id, v_state, coalesce(': ' || v_run.reason, '')) end)::taskflow.step_end;
    end if;
  end loop;
  return v_ends;
end
$$;
