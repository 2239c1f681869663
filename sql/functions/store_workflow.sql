-- Checks a definition in every part and writes it with its nodes as rows. Without a name it belongs to
-- one run. Answers its id. Raises TF160 with the place of the first fault. Internal.
create or replace function taskflow.store_workflow(
  tenant text, name text, version integer, definition jsonb, hash text
) returns bigint
language plpgsql volatile
-- nothing is known of the sizes of what is joined here: row by row it would take minutes
set enable_nestloop = off
as $$
#variable_conflict use_variable
declare
  v_nodes jsonb;
  v_names text[];
  v_parents integer[];
  v_children integer[];
  v_policies text[];
  v_id bigint;
begin
  perform taskflow.check_workflow(definition);
  v_nodes := definition -> 'nodes';
  v_names := array(select k from jsonb_object_keys(v_nodes) k order by k collate "C");
  with place as (select n.name, n.no::integer from unnest(v_names) with ordinality n (name, no))
  select array_agg(p.no), array_agg(c.no), array_agg(e.on_failure) into v_parents, v_children, v_policies
    from taskflow.check_edges(definition) e
    join place p on p.name = e.parent
    join place c on c.name = e.child;

  insert into taskflow.workflow (tenant, name, version, created_at, created_by, hash, definition)
  values (tenant, name, version, taskflow.now(), taskflow.caller(), hash, definition)
  returning id into v_id;
  with place as (
    select s.name, s.no::integer
      from unnest(taskflow.sort_nodes(v_names, v_parents, v_children)) with ordinality s (name, no)),
  edge as (
    select p.no as parent, c.no as child, e.policy
      from unnest(v_parents, v_children, v_policies) e (parent, child, policy)
      join place p on p.name = v_names[e.parent]
      join place c on c.name = v_names[e.child]),
  before as (select e.child as no, array_agg(e.parent order by e.parent) as needs from edge e group by 1),
  after as (
    select e.parent as no, array_agg(e.child order by e.child) as followers,
           case when bool_or(e.policy = 'compensate') then 'compensate' when bool_or(e.policy = 'fail') then 'fail' else 'continue' end as fate
      from edge e group by 1)
  insert into taskflow.workflow_node (tenant, workflow_id, no, name, kind, target, version, pause, fate, needs, followers,
                                      max_parallel, args, options, undo)
  select tenant, v_id, p.no, p.name, k.kind, case when k.kind <> 'delay' then n.value ->> k.kind end,
         (n.value ->> 'version')::integer, taskflow.read_pause(case k.kind when 'delay' then n.value -> 'delay' else n.value -> 'timeout' end),
         coalesce(a.fate, n.value ->> 'on_failure', 'fail'), coalesce(b.needs, '{}'), coalesce(a.followers, '{}'),
         (n.value ->> 'max_parallel')::integer,
         case k.kind when 'task' then coalesce(n.value -> 'args', '{}') when 'workflow' then coalesce(n.value -> 'input', '{}') end,
         nullif(n.value -> 'options', '{}'), n.value -> 'compensate'
    from place p
    join jsonb_each(v_nodes) n on n.key = p.name
   cross join lateral (select k as kind from unnest('{task,workflow,signal,delay}'::text[]) k where n.value ? k) k
    left join before b on b.no = p.no
    left join after a on a.no = p.no
   order by p.no;
  perform taskflow.read_workflow(tenant, v_id, definition);
  perform taskflow.check_options(tenant, v_id);
  perform taskflow.check_nesting(tenant, v_id, name);
  return v_id;
end
$$;
