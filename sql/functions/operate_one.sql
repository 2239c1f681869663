-- Does an operation's verb to one job. Internal.
create or replace function taskflow.operate_one(
  operation taskflow.operation, job_id bigint, out outcome text, out before jsonb, out code text, out message text
)
language plpgsql volatile as $$
declare
  v_tenant text := operation.tenant;
  v_why text := coalesce(operation.reason, 'operation ' || operation.id || ' by ' || operation.created_by);
begin
  select jsonb_build_object('run_at', j.run_at, 'queue', j.queue, 'priority', taskflow.priority_name(j.priority))
    into before from taskflow.job j where j.tenant = v_tenant and j.id = job_id;
  case operation.verb
    when 'retry' then
      perform taskflow.retry(job_id, v_tenant);
      outcome := 'retried';
    when 'cancel' then
      outcome := taskflow.cancel(job_id, v_why, v_tenant);
    when 'discard' then
      perform taskflow.discard(job_id, v_why, v_tenant);
      outcome := 'discarded';
    when 'reschedule' then
      perform taskflow.reschedule(job_id, (operation.params ->> 'run_at')::timestamptz, v_tenant);
      outcome := 'rescheduled';
    when 'move' then
      perform taskflow.move_job(job_id, operation.params ->> 'queue', v_tenant);
      outcome := 'moved';
    when 'priority' then
      perform taskflow.set_priority(job_id, operation.params ->> 'priority', v_tenant);
      outcome := 'changed';
    when 'undo' then
      perform taskflow.undo_one(operation, job_id);
      outcome := 'undone';
  end case;
exception when sqlstate 'TF110' or sqlstate 'TF111' or sqlstate 'TF112' or sqlstate 'TF120' or sqlstate 'TF121'
            or sqlstate 'TF123' or lock_not_available or deadlock_detected or data_exception then
  outcome := 'refused';
  before := null;
  get stacked diagnostics code = returned_sqlstate, message = message_text;
end
$$;
