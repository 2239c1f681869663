-- Makes the job of a tick and writes both down; answers the schedule as it is then. A job that enqueue
-- refuses costs its own tick, not the schedule: the ledger says why. Internal.
create or replace function taskflow.run_tick(
  schedule taskflow.schedule, tick_at timestamptz, at_time timestamptz, reason text
) returns taskflow.schedule
language plpgsql volatile as $$
declare
  v_s taskflow.schedule := schedule;
  v_code text;
  v_message text;
begin
  begin
    v_s.last_job_id := taskflow.schedule_job(v_s, tick_at, at_time, reason);
    v_s.runs := v_s.runs + 1;
  exception
    when insufficient_resources or operator_intervention or system_error or transaction_rollback
      or lock_not_available then
      raise;  -- nothing is wrong with the job: the next call tries again
    when others then
      get stacked diagnostics v_code = returned_sqlstate, v_message = message_text;
      v_s := schedule;
      perform taskflow.note_tick(v_s, tick_at, at_time, 'skipped', format('refused: %s %s', v_code, v_message));
  end;
  return v_s;
end
$$;
