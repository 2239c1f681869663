-- Enqueues the compensation of the step that finished last of those that have one and were not undone
-- yet: one at a time, backwards. Answers whether there was one. Internal.
create or replace function taskflow.compensate_next(tenant text, run taskflow.workflow_run) returns boolean
language plpgsql volatile as $$
declare
  v_step record;
  v_args jsonb;
begin
  loop
    select s.node, s.place, s.item, n.undo, n.undo_reads into v_step
      from taskflow.workflow_step s
      join taskflow.workflow_node n on n.tenant = s.tenant and n.workflow_id = run.workflow_id and n.no = s.node and n.undo is not null
     where s.tenant = compensate_next.tenant and s.run_id = run.id and s.state = 'succeeded'
       -- of a for_each node each item is undone, not the node
       and case when n.items is null then s.place = -1 else s.place >= 0 end
       and not exists (select from taskflow.workflow_step c
                        where c.tenant = s.tenant and c.run_id = s.run_id and c.node = s.node and c.place = -3 - s.place)
     order by s.finished_at desc, s.node desc, s.place desc limit 1;
    if not found then
      return false;
    end if;
    insert into taskflow.workflow_step (tenant, run_id, node, place) values (compensate_next.tenant, run.id, v_step.node, -3 - v_step.place);
    update taskflow.workflow_run r set total = r.total + 1, state = 'compensating'
     where r.tenant = compensate_next.tenant and r.id = run.id;
    begin
      v_args := taskflow.fill_template(
        coalesce(v_step.undo -> 'args', '{}'), taskflow.step_context(tenant, run.id, v_step.undo_reads)
          || case when v_step.place >= 0 then jsonb_build_object('item', v_step.item, 'index', v_step.place) else '{}' end);
      perform taskflow.check_args(v_args, taskflow.config('max_args_bytes')::integer);
    exception when others then
      -- the others are undone all the same
      update taskflow.workflow_step s set state = 'failed', finished_at = taskflow.now(), error = 'its arguments cannot be worked out: ' || sqlerrm
       where s.tenant = compensate_next.tenant and s.run_id = run.id and s.node = v_step.node and s.place = -3 - v_step.place;
      update taskflow.workflow_run r set failed = r.failed + 1 where r.tenant = compensate_next.tenant and r.id = run.id;
      continue;
    end;
    perform taskflow.place_step_jobs(tenant, array[row(run.id, v_step.node, -3 - v_step.place, v_args)::taskflow.step_job]);
    return true;
  end loop;
end
$$;
