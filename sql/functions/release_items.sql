-- Lets the next `count` items of a for_each step go. Answers those that failed at once. Internal.
create or replace function taskflow.release_items(tenant text, run_id bigint, node taskflow.workflow_node, count integer)
returns taskflow.step_end[]
language plpgsql volatile as $$
declare
  v_max_bytes integer := taskflow.config('max_args_bytes')::integer;
  v_from integer := (select s.next_place from taskflow.workflow_step s
                      where s.tenant = release_items.tenant and s.run_id = release_items.run_id and s.node = node.no and s.place = -1);
  v_context jsonb := '{}';
  v_template jsonb := node.args;
  v_fault text;
  v_item record;
  v_args jsonb := node.args;
  v_jobs taskflow.step_job[];
  v_ends taskflow.step_end[];
begin
  if node.has_paths then
    begin  -- blocks that write nothing take no transaction number
      v_context := taskflow.step_context(tenant, run_id, node.reads);
      v_template := taskflow.prefill_template(node.args, v_context);
      -- a path may read an item and a step: then each item needs it all
      if not exists (select from taskflow.paths_in(v_template, '') p where p.path::jsonpath::text ~ '\$\."(input|steps)"') then
        v_context := '{}';
      end if;
    exception when others then
      v_fault := 'its arguments cannot be worked out: ' || sqlerrm;
    end;
  end if;
  for v_item in
    select s.place, s.item from taskflow.workflow_step s
     where s.tenant = release_items.tenant and s.run_id = release_items.run_id and s.node = node.no
       and s.place >= v_from and s.state = 'pending'
     order by s.place limit release_items.count
  loop
    v_from := v_item.place + 1;
    if node.has_paths and v_fault is null then
      begin
        v_args := taskflow.fill_template(v_template, v_context || jsonb_build_object('item', v_item.item, 'index', v_item.place));
        perform taskflow.check_args(v_args, v_max_bytes);
      exception when others then
        v_ends := v_ends || row(run_id, node.no, v_item.place, 'failed', null, 'its arguments cannot be worked out: ' || sqlerrm)::taskflow.step_end;
        continue;
      end;
    end if;
    if v_fault is not null then
      v_ends := v_ends || row(run_id, node.no, v_item.place, 'failed', null, v_fault)::taskflow.step_end;
    else
      v_jobs := v_jobs || row(run_id, node.no, v_item.place, v_args)::taskflow.step_job;
    end if;
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
