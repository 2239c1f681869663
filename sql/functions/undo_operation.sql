-- Begins an operation that takes back another: cancelled jobs run again, rescheduled ones go back to
-- their time, moved ones to their queue, changed ones to their priority. Jobs that have gone on
-- meanwhile are refused. Answers the new operation's id.
-- Raises TF121 for a verb that cannot be taken back, TF134 for an unknown operation.
create or replace function taskflow.undo_operation(id bigint, reason text default null, queue text default 'default', tenant text default null)
returns bigint
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
#variable_conflict use_variable
declare
  v_operation taskflow.operation;
begin
  select * into v_operation from taskflow.operation o
   where o.tenant = taskflow.tenant_of(undo_operation.tenant) and o.id = undo_operation.id for update;
  if not found then
    raise exception 'operation % does not exist', id using errcode = 'TF134', hint = 'See taskflow operations list.';
  elsif v_operation.verb not in ('cancel', 'reschedule', 'move', 'priority') then
    raise exception 'operation % cannot be taken back: %', id, v_operation.verb
      using errcode = 'TF121', hint = 'Only cancel, reschedule, move and priority can.';
  end if;
  if v_operation.state in ('waiting', 'running') then
    perform taskflow.cancel_operation(id, v_operation.tenant);
  end if;
  return taskflow.start_operation(
    'undo', '{}', jsonb_build_object('operation', id), v_operation.rate, reason, v_operation.up_to, v_operation.done,
    queue, v_operation.tenant);
end
$$;
