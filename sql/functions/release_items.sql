-- Lets the next `count` items of a for_each step go. Answers those that failed at once. Internal.
create or replace function taskflow.release_items(tenant text, run_id bigint, node taskflow.workflow_node, count integer)
returns taskflow.step_end[]
language plpgsql volatile as $$
declare
  v_max_bytes integer := taskflow.config('max_args_bytes')::integer;
  v_context jsonb;
  v_item record;
  v_from integer := (select s.next_place from taskflow.workflow_step s
                      where s.tenant = release_items.tenant and s.run_id = release_items.run_id and s.node = node.no and s.place = -1);
  v_args jsonb := node.args;
  v_jobs taskflow.step_job[];
  v_ends taskflow.step_end[];
begin
  for v_item in
    select s.place, s.item from taskflow.workflow_step s
     where s.tenant = release_items.tenant and s.run_id = release_items.run_id and s.node = node.no
       and s.place >= v_from and s.state = 'pending'
     order by s.place limit release_items.count
  loop
    v_from := v_item.place + 1;
    if node.has_paths then
      begin  -- it writes nothing, so it takes no transaction number
        v_context := coalesce(v_context, taskflow.step_context(tenant, run_id, node.reads));
        v_args := taskflow.fill_template(node.args, v_context || jsonb_build_object('item', v_item.item, 'index', v_item.place));
        perform taskflow.check_args(v_args, v_max_bytes);
      exception when others then
        v_ends := v_ends || row(run_id, node.no, v_item.place, 'failed', null, 'its arguments cannot be worked out: ' || sqlerrm)::taskflow.step_end;
        continue;
      end;
    end if;
    v_jobs := v_jobs || row(run_id, node.no, v_item.place, v_args)::taskflow.step_job;
  end loop;
  update taskflow.workflow_step s set next_place = v_from
   where s.tenant = release_items.tenant and s.run_id = release_items.run_id and s.node = node.no and s.place = -1;
  if v_jobs is not null and node.kind = 'task' then
    perform taskflow.place_step_jobs(tenant, v_jobs);
  elsif v_jobs is not null then
    v_ends := v_ends || taskflow.start_children(tenant, v_jobs);
  end if;
  return v_ends;
end
$$;
