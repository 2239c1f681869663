-- The names in an order in which each node stands after those that it needs. Names and edges come as
-- places in `names`, from 1. Raises TF160 with the cycle, if there is one. Internal.
-- Arrays and not queries: a chain of 10,000 nodes would be 10,000 statements.
create or replace function taskflow.sort_nodes(names text[], parents integer[], children integer[]) returns text[]
language plpgsql immutable as $$
declare
  v_count integer := cardinality(names);
  v_open integer[] := array_fill(0, array[v_count]);      -- how many before it are not placed yet
  v_first integer[] := array_fill(0, array[v_count + 1]);  -- where its edges begin in v_next
  v_next integer[];
  v_order integer[] := array_fill(0, array[v_count]);
  v_placed integer := 0;
  v_at integer := 0;
  v_before integer[];
  v_node integer;
  v_cycle text[];
begin
  select array_agg(e.child order by e.parent, e.child) into v_next from unnest(parents, children) e (parent, child);
  for i in 1 .. coalesce(cardinality(parents), 0) loop
    v_open[children[i]] := v_open[children[i]] + 1;
    v_first[parents[i]] := v_first[parents[i]] + 1;
  end loop;
  for i in 1 .. v_count loop
    v_node := v_first[i];
    v_first[i] := v_at + 1;
    v_at := v_at + v_node;
    if v_open[i] = 0 then
      v_placed := v_placed + 1;
      v_order[v_placed] := i;
    end if;
  end loop;
  v_first[v_count + 1] := v_at + 1;
  v_at := 0;
  while v_at < v_placed loop
    v_at := v_at + 1;
    for i in v_first[v_order[v_at]] .. v_first[v_order[v_at] + 1] - 1 loop
      v_node := v_next[i];
      v_open[v_node] := v_open[v_node] - 1;
      if v_open[v_node] = 0 then
        v_placed := v_placed + 1;
        v_order[v_placed] := v_node;
      end if;
    end loop;
  end loop;
  if v_placed < v_count then
    -- each node that is left has one before it that is left, so going back ends in a circle
    v_before := array_fill(0, array[v_count]);
    for i in 1 .. cardinality(parents) loop
      if v_open[parents[i]] > 0 and v_open[children[i]] > 0 then
        v_before[children[i]] := parents[i];
      end if;
    end loop;
    select n.no into v_node from unnest(v_open) with ordinality n (open, no) where n.open > 0 order by names[n.no] collate "C" limit 1;
    for i in 1 .. v_count loop
      v_node := v_before[v_node];
    end loop;
    v_at := v_node;  -- the first of the circle by name
    for i in 1 .. v_count loop
      v_node := v_before[v_node];
      v_at := least(v_at, v_node);
    end loop;
    v_node := v_at;
    loop
      v_cycle := v_cycle || names[v_node];
      exit when v_node = v_at and cardinality(v_cycle) > 1;
      v_node := v_before[v_node];
    end loop;
    perform taskflow.refuse_workflow(
      format('nodes.%s.needs', v_cycle[1]),
      'the nodes wait for each other: ' || case when cardinality(v_cycle) > 12
        then array_to_string(v_cycle[1:10], ' -> ') || ' -> ... -> ' || v_cycle[cardinality(v_cycle)]
        else array_to_string(v_cycle, ' -> ') end,
      'Leave one of these needs out.');
  end if;
  return array(select names[o.node] from unnest(v_order) with ordinality o (node, no) order by o.no);
end
$$;
