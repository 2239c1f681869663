-- Runs an ended run again from the steps that failed: they run anew, and then what comes after them; what
-- has succeeded stays. Jobs of its steps that are dead or cancelled come back with their ids. Of a run
-- that is a step of another, the whole is taken up again.
-- Raises TF162 for an unknown run, TF163 when it has succeeded or has not ended.
create or replace function taskflow.retry_run(id bigint, tenant text default null) returns void
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
declare
  v_tenant text := taskflow.tenant_of(retry_run.tenant);
  v_run taskflow.workflow_run := taskflow.find_run(retry_run.id, v_tenant);
  v_ends taskflow.step_end[];
begin
  select * into v_run from taskflow.workflow_run r where r.tenant = v_tenant and r.id = v_run.root_id;
  if v_run.finished_at is null or v_run.state = 'succeeded' then
    raise exception 'run % %', v_run.id, case when v_run.finished_at is null then 'has not ended' else 'has succeeded' end
      using errcode = 'TF163', hint = case when v_run.finished_at is null then 'Wait for its end, or cancel it first.'
                                           else 'Start a new one to run the workflow again.' end;
  end if;
  v_ends := taskflow.reopen_run(v_tenant, v_run.id);
  if v_ends is not null then
    perform taskflow.end_steps(v_tenant, v_ends);
  end if;
end
$$;
