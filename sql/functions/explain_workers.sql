-- explain's part about workers: none alive, none for this queue, none that knows the task. Internal.
create or replace function taskflow.explain_workers(queue text, task text, at_time timestamptz)
returns table (cause text, sentence text, detail jsonb)
language plpgsql stable as $$
#variable_conflict use_column
declare
  v_alive bigint;
  v_serving bigint;
  v_able bigint;
  v_way_out text := format('taskflow worker APP -q %s', explain_workers.queue);
begin
  select count(*), count(*) filter (where explain_workers.queue = any (w.queues)),
         count(*) filter (where explain_workers.queue = any (w.queues)
                            and (w.tasks is null or explain_workers.task = any (w.tasks)))
    into v_alive, v_serving, v_able
    from taskflow.worker w
   where w.tenant = 'default' and w.lease_until > at_time and w.state <> 'draining';
  if v_alive = 0 then
    return query select 'no_worker', 'No worker is alive. Start one: taskflow worker APP.',
      jsonb_build_object('way_out', v_way_out);
  elsif v_serving = 0 then
    return query select 'no_worker_for_queue',
      format('No live worker serves queue %s. Start one: taskflow worker APP --queue %s.', explain_workers.queue, explain_workers.queue),
      jsonb_build_object('alive', v_alive, 'way_out', v_way_out);
  elsif v_able = 0 then
    return query select 'unknown_task',
      format('No live worker of queue %s knows task %s: its code is not deployed, or not imported by the app.', explain_workers.queue, explain_workers.task),
      jsonb_build_object('serving', v_serving, 'way_out', format('%s  # of an app that has %s', v_way_out, explain_workers.task));
  end if;
end
$$;
