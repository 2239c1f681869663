-- Makes a row for each item of a for_each step, and lets the first ones go. Answers what ended at once. Internal.
create or replace function taskflow.expand_step(tenant text, run_id bigint, node taskflow.workflow_node, items jsonb)
returns taskflow.step_end[]
language plpgsql volatile as $$
declare
  v_count integer := jsonb_array_length(items);
begin
  if v_count = 0 then
    return array[row(run_id, node.no, -1, 'succeeded', '[]'::jsonb, null)::taskflow.step_end];
  end if;
  insert into taskflow.workflow_step (tenant, run_id, node, place, item)
  select expand_step.tenant, expand_step.run_id, node.no, i.no - 1, i.value
    from jsonb_array_elements(items) with ordinality i (value, no);
  update taskflow.workflow_step s
     set state = 'scheduled', started_at = taskflow.now(), finished_at = null, attempt = s.attempt + 1, remaining = v_count, next_place = 0, error = null, result = null
   where s.tenant = expand_step.tenant and s.run_id = expand_step.run_id and s.node = node.no and s.place = -1;
  update taskflow.workflow_run r set total = r.total + v_count
   where r.tenant = expand_step.tenant and r.id = expand_step.run_id;
  return taskflow.release_items(tenant, run_id, node, coalesce(node.max_parallel, v_count));
end
$$;
