-- Checks what the nodes of a definition need, and answers the pairs. `on_failure` is the edge's own,
-- else that of the node before it. Raises TF160. Internal.
create or replace function taskflow.check_edges(definition jsonb)
returns table (child text, parent text, on_failure text)
language plpgsql stable
-- nothing is known of the sizes of what is joined here: row by row it would take minutes
set enable_nestloop = off
as $$
#variable_conflict use_column
declare
  v_nodes jsonb := definition -> 'nodes';
  v_known text := (select string_agg(k, ', ') from (select k from jsonb_object_keys(v_nodes) k order by k limit 12) s);
  v_fault record;
  v_count bigint;
begin
  with edge as (
    select n.key as child, e.value, e.no, case jsonb_typeof(e.value) when 'string' then e.value #>> '{}' else e.value ->> 'node' end as parent,
           count(*) over (partition by n.key, case jsonb_typeof(e.value) when 'string' then e.value #>> '{}' else e.value ->> 'node' end) as times
      from jsonb_each(v_nodes) n cross join jsonb_array_elements(n.value -> 'needs') with ordinality e (value, no)
     where n.value ? 'needs')
  select format('nodes.%s.needs[%s]', e.child, e.no - 1) as place, f.said, f.hint into v_fault
    from edge e
   cross join lateral (
     select 'must be the name of a node, or {"node": "...", "on_failure": "..."}' as said, '' as hint
      where case jsonb_typeof(e.value) when 'string' then false
              when 'object' then e.parent is null or e.value - '{node,on_failure}'::text[] <> '{}' else true end
      union all
     select format('there is no node "%s"', left(e.parent, 80)), format('There is: %s.', left(v_known, 400)) where not v_nodes ? e.parent
      union all
     select 'the node needs itself', 'Leave it out.' where e.parent = e.child
      union all
     select format('node "%s" is named twice', e.parent), 'Name it once.' where e.times > 1
      union all
     select format('on_failure is %s, it must be fail, continue or compensate', coalesce(quote_literal(left(e.value ->> 'on_failure', 40)), 'null')), ''
      where case when jsonb_typeof(e.value) = 'object' and e.value ? 'on_failure'
              then coalesce(e.value ->> 'on_failure', '') not in ('fail', 'continue', 'compensate') end) f
   order by e.child collate "C", e.no limit 1;
  if found then
    perform taskflow.refuse_workflow(v_fault.place, v_fault.said, v_fault.hint);
  end if;
  return query
    select n.key, p.parent, coalesce(e.value ->> 'on_failure', v_nodes -> p.parent ->> 'on_failure', 'fail')
      from jsonb_each(v_nodes) n
     cross join jsonb_array_elements(n.value -> 'needs') e
     cross join lateral (select case jsonb_typeof(e.value) when 'string' then e.value #>> '{}' else e.value ->> 'node' end as parent) p
     where n.value ? 'needs';
  get diagnostics v_count = row_count;
  if v_count > 50000 then
    perform taskflow.refuse_workflow('nodes', format('hold %s edges, the limit is 50000', v_count),
                                     'Put a node between two groups of which each needs all of the other.');
  end if;
end
$$;
