-- Calls a run off. Steps that have not begun are cancelled, jobs that run are asked to stop. Answers
-- 'cancelled', 'requested' (it ends when the last of them has stopped), or 'finished'.
-- Raises TF162 for an unknown run. Locks: the run and those around it.
create or replace function taskflow.cancel_run(id bigint, reason text default null, tenant text default null) returns text
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
declare
  v_tenant text := taskflow.tenant_of(cancel_run.tenant);
  v_run taskflow.workflow_run := taskflow.find_run(cancel_run.id, v_tenant);
  v_ends taskflow.step_end[];
begin
  if v_run.finished_at is not null then
    return 'finished';
  end if;
  v_ends := taskflow.end_runs(v_tenant, taskflow.stop_run(
    v_tenant, v_run.id, 'cancelled', coalesce(cancel_run.reason, 'cancelled by ' || taskflow.caller())));
  if v_ends is not null then
    perform taskflow.end_steps(v_tenant, v_ends);
  end if;
  return (select case when r.finished_at is null then 'requested' else 'cancelled' end
            from taskflow.workflow_run r where r.tenant = v_tenant and r.id = v_run.id);
end
$$;
