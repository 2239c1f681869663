-- Counts the items that ended at their for_each steps: ends a step whose last one has, with the results
-- in the order of the items, and lets the next ones go where only so many may run at once. Internal.
create or replace function taskflow.end_items(tenant text, ended taskflow.step_end[]) returns taskflow.step_end[]
language plpgsql volatile as $$
declare
  v_step record;
  v_ends taskflow.step_end[];
  v_remaining integer;
  v_state text;
  v_error text;
  v_results jsonb;
begin
  for v_step in
    select e.run_id, e.node, e.count, r.ending, n::taskflow.workflow_node as spec
      from (select g.run_id, g.node, count(*)::integer as count from unnest(ended) g where g.place >= 0 group by g.run_id, g.node) e
     cross join lateral (
       select r.workflow_id, r.ending from taskflow.workflow_run r where r.tenant = end_items.tenant and r.id = e.run_id offset 0) r
     cross join lateral (
       select n.* from taskflow.workflow_node n where n.tenant = end_items.tenant and n.workflow_id = r.workflow_id and n.no = e.node offset 0) n
     order by e.run_id, e.node
  loop
    update taskflow.workflow_step s set remaining = s.remaining - v_step.count
     where s.tenant = end_items.tenant and s.run_id = v_step.run_id and s.node = v_step.node and s.place = -1 and s.state = 'scheduled'
    returning s.remaining into v_remaining;
    if v_remaining is null then
      continue;
    elsif v_remaining > 0 then
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
        if (select sum(pg_column_size(s.result)) from taskflow.workflow_step s
             where s.tenant = end_items.tenant and s.run_id = v_step.run_id and s.node = v_step.node and s.place >= 0) > 67108864 then
          raise exception 'they take more than 67108864 bytes';
        end if;
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
