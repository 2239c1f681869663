-- fire_one, so that one schedule cannot hold up the others: when something that it needs is locked, the
-- next call tries again; when its ticks can no longer be computed (the server lost its time zone), it
-- is paused with the error as the reason. Answers how many jobs it made. Internal.
create or replace function taskflow.fire_guarded(schedule taskflow.schedule, at_time timestamptz) returns integer
language plpgsql volatile as $$
declare
  v_code text;
  v_message text;
begin
  return taskflow.fire_one(schedule, at_time);
exception
  when lock_not_available or transaction_rollback then
    return 0;
  when insufficient_resources or operator_intervention or system_error then
    raise;
  when others then
    get stacked diagnostics v_code = returned_sqlstate, v_message = message_text;
    update taskflow.schedule s
       set paused_at = at_time, paused_by = 'taskflow', pause_reason = left(format('error %s: %s', v_code, v_message), 1000)
     where s.tenant = schedule.tenant and s.name = schedule.name;
    perform taskflow.tell_event(schedule.tenant, 'schedule.paused', jsonb_build_object(
      'schedule', schedule.name, 'task', schedule.task, 'reason', 'error ' || v_code), schedule.queue);
    return 0;
end
$$;
