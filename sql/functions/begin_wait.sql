-- Lets a step wait for its signal or its time; upkeep finds it when its time has come. Answers its end if
-- there is nothing to wait for: the signal has come before, or the pause is none. Internal.
create or replace function taskflow.begin_wait(tenant text, run_id bigint, node taskflow.workflow_node)
returns taskflow.step_end[]
language plpgsql volatile as $$
declare
  v_now timestamptz := taskflow.now();
  v_signal record;
begin
  if node.kind = 'delay' and node.pause <= interval '0' then
    return array[row(run_id, node.no, -1, 'succeeded', null, null)::taskflow.step_end];
  elsif node.kind = 'signal' then
    update taskflow.workflow_signal s set taken_by = node.no
     where s.tenant = begin_wait.tenant and s.id = (
       select w.id from taskflow.workflow_signal w
        where w.tenant = begin_wait.tenant and w.run_id = begin_wait.run_id and w.name = node.target and w.taken_by is null
        order by w.id limit 1)
    returning s.payload into v_signal;
    if found then
      return array[row(run_id, node.no, -1, 'succeeded', v_signal.payload, null)::taskflow.step_end];
    end if;
  end if;
  update taskflow.workflow_step s
     set state = 'waiting', started_at = v_now, finished_at = null, due_at = v_now + node.pause, attempt = s.attempt + 1
   where s.tenant = begin_wait.tenant and s.run_id = begin_wait.run_id and s.node = node.no and s.place = -1;
  return null;
end
$$;
