-- Takes back what an operation did to one job, if it still waits where that left it. Internal.
create or replace function taskflow.undo_one(operation taskflow.operation, job_id bigint) returns void
language plpgsql volatile as $$
declare
  v_verb text;
  v_before jsonb;
begin
  select o.verb, i.before into v_verb, v_before
    from taskflow.operation o
    join taskflow.operation_item i on i.tenant = o.tenant and i.operation_id = o.id
   where o.tenant = operation.tenant and o.id = operation.undoes and i.job_id = undo_one.job_id and i.code is null;
  if v_verb = 'cancel' then
    perform taskflow.retry(job_id, operation.tenant);
    perform taskflow.reschedule(job_id, (v_before ->> 'run_at')::timestamptz, operation.tenant);
  elsif v_verb = 'reschedule' then
    perform taskflow.reschedule(job_id, (v_before ->> 'run_at')::timestamptz, operation.tenant);
  elsif v_verb = 'move' then
    perform taskflow.move_job(job_id, v_before ->> 'queue', operation.tenant);
  elsif v_verb = 'priority' then
    perform taskflow.set_priority(job_id, v_before ->> 'priority', operation.tenant);
  end if;
end
$$;
