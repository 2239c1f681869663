-- Parses the expressions of a stored definition, checks that each reads only what is there before its
-- node, and notes for every node what it reads and whether anything reads it. Raises TF160. Internal.
create or replace function taskflow.read_workflow(tenant text, workflow_id bigint, definition jsonb) returns void
language plpgsql volatile
-- nothing is known of the sizes of what is joined here: row by row it would take minutes
set enable_nestloop = off
as $$
declare
  v_fault record;
  v_output jsonb := definition -> 'output';
  v_nos integer[];
  v_fields text[];
  v_places text[];
  v_paths text[];
  v_reads text[];
  v_faults text[];
begin
  if jsonb_typeof(v_output) = 'string' then
    v_output := jsonb_build_object('$path', v_output);
  end if;
  with node as materialized (
    select n.no, n.name, n.kind, n.args, n.undo, d.value ->> 'when' as condition, d.value ->> 'for_each' as items
      from taskflow.workflow_node n join jsonb_each(definition -> 'nodes') d on d.key = n.name
     where n.tenant = read_workflow.tenant and n.workflow_id = read_workflow.workflow_id),
  given as (
    select n.no, n.items is not null as has_items, 'when' as field, format('nodes.%s.when', n.name) as place, n.condition as path, null::text as fault
      from node n where n.condition is not null
    union all
    select n.no, true, 'for_each', format('nodes.%s.for_each', n.name), n.items, null from node n where n.items is not null
    union all
    select n.no, n.items is not null, 'args', p.place, p.path, p.fault
      from node n
     cross join taskflow.paths_in(n.args, format('nodes.%s.%s', n.name, case n.kind when 'task' then 'args' else 'input' end)) p
     where n.args::text ~ '"\$(path|all|value)"'
    union all
    select n.no, n.items is not null, 'undo', p.place, p.path, p.fault
      from node n cross join taskflow.paths_in(n.undo -> 'args', format('nodes.%s.compensate.args', n.name)) p
     where n.undo is not null
    union all
    select 0, false, 'output', p.place, p.path, p.fault from taskflow.paths_in(v_output, 'output') p where v_output is not null),
  parsed as (
    select g.no, g.field, g.place, p.expression::text as path, array_to_string(p.steps, ',') as reads,
           coalesce(g.fault, p.fault,
             case when p.uses_item and (g.field not in ('args', 'undo') or not g.has_items)
               then 'reads $.item or $.index, which only arguments of a for_each node have' end,
             case when p.is_constant and g.field = 'when' and jsonb_path_match('{}', p.expression, '{}', true) is not true
               then 'is never true, so the node can never be reached' end) as fault
      from given g
     cross join lateral taskflow.read_path(g.path) p)
  select array_agg(p.no), array_agg(p.field), array_agg(p.place), array_agg(p.path), array_agg(p.reads), array_agg(p.fault)
    into v_nos, v_fields, v_places, v_paths, v_reads, v_faults
    from parsed p;  -- an object {"$value"} has no path, but is to be replaced as well
  if v_nos is null then
    return;
  end if;
  select f.place, f.fault into v_fault
    from unnest(v_places, v_faults) f (place, fault) where f.fault is not null order by f.place collate "C" limit 1;
  if found then
    perform taskflow.refuse_workflow(v_fault.place, v_fault.fault, 'Paths look like $.steps.fetch.result.total; see the page on workflows.');
  end if;
  perform taskflow.check_reads(read_workflow.tenant, read_workflow.workflow_id, v_nos, v_fields, v_places, v_reads);

  with used as (
    select p.no, p.field, p.path, r.name
      from unnest(v_nos, v_fields, v_paths, v_reads) p (no, field, path, reads)
      left join lateral unnest(string_to_array(nullif(p.reads, ''), ',')) r (name) on true),
  numbered as (
    select u.no, u.field, u.path, o.no as read
      from used u
      left join taskflow.workflow_node o on o.tenant = read_workflow.tenant and o.workflow_id = read_workflow.workflow_id and o.name = u.name),
  gathered as (
    select u.no, coalesce(array_agg(distinct u.read) filter (where u.field = 'args' and u.read is not null), '{}') as reads,
           coalesce(array_agg(distinct u.read) filter (where u.field in ('when', 'for_each') and u.read is not null), '{}') as early,
           coalesce(array_agg(distinct u.read) filter (where u.field = 'undo' and u.read is not null), '{}') as undo,
           coalesce(array_agg(distinct u.read) filter (where u.field = 'output' and u.read is not null), '{}') as output,
           bool_or(u.field = 'args') as has_paths,
           max(u.path) filter (where u.field = 'when') as condition,
           max(u.path) filter (where u.field = 'for_each') as items
      from numbered u group by u.no),
  read as (select distinct u.read as no from numbered u where u.read is not null),
  kept as (
    update taskflow.workflow w set output = v_output, output_reads = g.output
      from gathered g
     where w.tenant = read_workflow.tenant and w.id = read_workflow.workflow_id and g.no = 0)
  update taskflow.workflow_node n
     set reads = coalesce(g.reads, '{}'), early_reads = coalesce(g.early, '{}'), undo_reads = coalesce(g.undo, '{}'),
         has_paths = coalesce(g.has_paths, false), is_read = r.no is not null,
         condition = g.condition::jsonpath,
         -- a path to an array means its items
         items = case when g.items ~ '(\[\*\]|\))$' then g.items else g.items || '[*]' end::jsonpath
    from taskflow.workflow_node k
    left join gathered g on g.no = k.no
    left join read r on r.no = k.no
   where k.tenant = read_workflow.tenant and k.workflow_id = read_workflow.workflow_id
     and n.tenant = k.tenant and n.workflow_id = k.workflow_id and n.no = k.no
     and (g.no is not null or r.no is not null);
end
$$;
