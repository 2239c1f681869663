-- Counts the items that ended at their for_each steps: ends a step whose last one has, with the results
-- in the order of the items, and lets the next ones go where only so many may run at once. Internal.
create or replace function taskflow.end_items(tenant text, ended taskflow.step_end[]) returns taskflow.step_end[]
language plpgsql volatile as $$
declare
  v_step record;
  v_ends taskflow.step_end[];
  v_state text;
  v_error text;
  v_results jsonb;
begin
  for v_step in
    with counted as (
      select e.run_id, e.node, count(*)::integer as count from unnest(ended) e where e.place >= 0 group by e.run_id, e.node),
    left_ as (
      update taskflow.workflow_step s set remaining = s.remaining - c.count
        from counted c
       where s.tenant = end_items.tenant and s.run_id = c.run_id and s.node = c.node and s.place = -1 and s.state = 'scheduled'
      returning s.run_id, s.node, s.remaining, c.count)
    select l.run_id, l.node, l.remaining, l.count, n as spec, r.ending
      from left_ l
      join taskflow.workflow_run r on r.tenant = end_items.tenant and r.id = l.run_id
      join taskflow.workflow_node n on n.tenant = r.tenant and n.workflow_id = r.workflow_id and n.no = l.node
     order by l.run_id, l.node
  loop
    if v_step.remaining > 0 then
      if (v_step.spec).max_parallel is not null and v_step.ending is null then
        v_ends := v_ends || taskflow.release_items(tenant, v_step.run_id, v_step.spec, v_step.count);
      end if;
      continue;
    end if;
    select case when bool_or(s.state = 'failed') then 'failed' when bool_or(s.state = 'cancelled') then 'cancelled' else 'succeeded' end,
           min(format('item %s: %s', s.place, coalesce(s.error, s.state))) filter (where s.state = 'failed' or (s.state = 'cancelled' and s.error is not null))
      into v_state, v_error
      from taskflow.workflow_step s
     where s.tenant = end_items.tenant and s.run_id = v_step.run_id and s.node = v_step.node and s.place >= 0;
    begin  -- many large results together may be more than one value holds
      v_results := null;
      if (v_step.spec).is_read then
        select jsonb_agg(s.result order by s.place) into v_results from taskflow.workflow_step s
         where s.tenant = end_items.tenant and s.run_id = v_step.run_id and s.node = v_step.node and s.place >= 0;
      end if;
    exception when others then
      v_state := 'failed';
      v_error := 'its results cannot be put together: ' || sqlerrm;
    end;
    v_ends := v_ends || row(v_step.run_id, v_step.node, -1, v_state, v_results, v_error)::taskflow.step_end;
  end loop;
  return v_ends;
end
$$;
