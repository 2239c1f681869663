-- Checks the shape of a definition: its fields and their types, names, kinds and sizes, before anything
-- is read out of it. Raises TF160 with the place of the first fault. Internal.
create or replace function taskflow.check_workflow(definition jsonb) returns void
language plpgsql stable as $$
declare
  v_fault record;
begin
  if jsonb_typeof(definition) is distinct from 'object' then
    perform taskflow.refuse_workflow('definition', 'must be a JSON object, got ' || coalesce(jsonb_typeof(definition), 'NULL'),
                                     'Write {"nodes": {"name": {"task": "..."}}}.');
  elsif octet_length(definition::text) > 16777216 then
    perform taskflow.refuse_workflow('definition', format('takes %s bytes, the limit is 16777216', octet_length(definition::text)),
                                     'Keep large values elsewhere and pass their keys.');
  elsif jsonb_path_exists(definition, 'strict $.**{65}') then
    perform taskflow.refuse_workflow('definition', 'is nested deeper than 64 levels', 'Flatten its arguments.');
  elsif jsonb_typeof(definition -> 'nodes') is distinct from 'object' then
    perform taskflow.refuse_workflow('nodes', 'must be an object of nodes by name, got ' || coalesce(jsonb_typeof(definition -> 'nodes'), 'nothing'),
                                     'Write {"nodes": {"name": {"task": "..."}}}.');
  elsif (select count(*) from jsonb_object_keys(definition -> 'nodes')) not between 1 and 10000 then
    perform taskflow.refuse_workflow('nodes', format('holds %s nodes, it must hold 1 to 10000', (select count(*) from jsonb_object_keys(definition -> 'nodes'))),
                                     'Run the same node for many items with for_each, or split it into workflows.');
  end if;
  perform taskflow.refuse_workflow(k, 'is not known here', 'A definition has nodes and output.')
     from jsonb_object_keys(definition) k where k not in ('nodes', 'output');

  with node as (
    select n.key as name, n.value as node, 'nodes.' || left(n.key, 120) as place,
           array(select k from unnest('{task,workflow,signal,delay}'::text[]) k where n.value ? k) as kinds
      from jsonb_each(definition -> 'nodes') n)
  select n.place, said, hint into v_fault
    from node n
   cross join lateral (
     select 'is no name for a node' as said, 'Use 1 to 100 of A-Z a-z 0-9 _ -' as hint where n.name !~ '^[A-Za-z0-9_-]{1,100}$'
      union all
     select 'must be an object, got ' || jsonb_typeof(n.node), 'Write {"task": "..."}.' where jsonb_typeof(n.node) <> 'object'
      union all
     select case when cardinality(n.kinds) = 0 then 'says nothing to do' else 'is more than one thing: ' || array_to_string(n.kinds, ' and ') end,
            'Give one of task, workflow, signal and delay.' where cardinality(n.kinds) <> 1 and jsonb_typeof(n.node) = 'object') f
   order by n.name collate "C" limit 1;
  if found then
    perform taskflow.refuse_workflow(v_fault.place, v_fault.said, v_fault.hint);
  end if;

  with known (kind, name, type) as (values
      ('task', 'task', 'string'), ('task', 'args', 'object'), ('task', 'options', 'object'),
      ('workflow', 'workflow', 'string'), ('workflow', 'version', 'number'), ('workflow', 'input', 'object'),
      ('signal', 'signal', 'string'), ('signal', 'timeout', 'string'), ('signal', 'timeout', 'number'),
      ('delay', 'delay', 'string'), ('delay', 'delay', 'number'), ('', 'needs', 'array'), ('', 'when', 'string'),
      ('', 'on_failure', 'string'), ('task', 'for_each', 'string'), ('workflow', 'for_each', 'string'),
      ('task', 'max_parallel', 'number'), ('workflow', 'max_parallel', 'number'),
      ('task', 'compensate', 'object'), ('workflow', 'compensate', 'object')),
  node as (
    select n.key as name, n.value as node,
           (select k from unnest('{task,workflow,signal,delay}'::text[]) k where n.value ? k) as kind
      from jsonb_each(definition -> 'nodes') n),
  field as (
    select n.name as node, n.kind, n.node ? 'for_each' as has_items, f.key as field, f.value, jsonb_typeof(f.value) as type, f.value #>> '{}' as text,
           array(select k.type from known k where k.name = f.key and k.kind in ('', n.kind)) as types
      from node n cross join jsonb_each(n.node) f)
  select format('nodes.%s.%s', f.node, left(f.field, 80)) as place, said, hint into v_fault
    from field f
   cross join lateral (
     select format('is not known in a %s node', f.kind) as said,
            format('It may have %s.', (select string_agg(distinct k.name, ', ') from known k where k.kind in ('', f.kind))) as hint
      where cardinality(f.types) = 0
      union all
     select format('must be a %s, got %s', array_to_string(f.types, ' or '), f.type), 'Leave it out if it is not needed.'
      where cardinality(f.types) > 0 and f.type <> all (f.types)
      union all
     select 'is no name of a task', 'Use 1 to 200 of A-Z a-z 0-9 _ . : -' where f.field = 'task' and f.text !~ '^[A-Za-z0-9_.:-]{1,200}$'
      union all
     select 'is no name', 'Use 1 to 100 of A-Z a-z 0-9 _ . -' where f.field in ('workflow', 'signal') and f.text !~ '^[A-Za-z0-9_.-]{1,100}$'
      union all
     select f.text || ' is no duration', 'Write ''5m'', ''2 days'' or a number of seconds, up to ten years.'
      where f.field in ('timeout', 'delay') and taskflow.read_pause(f.value) is null
      union all
     select format('is %s, it must be a whole number from 1 to 10000', f.text), 'Leave it out for as many at once as there are slots.'
      where f.field in ('max_parallel', 'version') and f.type = 'number' and f.text !~ '^([1-9]\d{0,3}|10000)$'
      union all
     select 'goes with for_each only', 'Leave it out.' where f.field = 'max_parallel' and not f.has_items
      union all
     select format('is %s, it must be fail, continue or compensate', quote_literal(left(f.text, 40))), 'Leave it out for fail.'
      where f.field = 'on_failure' and f.text not in ('fail', 'continue', 'compensate')
      union all
     select 'must have a task, and may have args and options', 'Write {"task": "...", "args": {...}}.'
      where case when f.field = 'compensate' and f.type = 'object' then
              f.value - '{task,args,options}'::text[] <> '{}' or jsonb_typeof(f.value -> 'task') is distinct from 'string'
              or f.value ->> 'task' !~ '^[A-Za-z0-9_.:-]{1,200}$'
              or jsonb_typeof(coalesce(f.value -> 'args', '{}')) <> 'object'
              or jsonb_typeof(coalesce(f.value -> 'options', '{}')) <> 'object' end) g
   order by f.node collate "C", f.field limit 1;
  if found then
    perform taskflow.refuse_workflow(v_fault.place, v_fault.said, v_fault.hint);
  end if;
end
$$;
