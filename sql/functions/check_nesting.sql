-- Checks the workflows that a definition runs as steps: that they are there, that none of them comes
-- back to this one, and that they lie at most 8 deep. Raises TF160. Internal.
create or replace function taskflow.check_nesting(tenant text, workflow_id bigint, name text) returns void
language plpgsql stable as $$
#variable_conflict use_column
declare
  v_at record;
  v_level bigint[] := array[workflow_id];
  v_next bigint[];
  v_ways jsonb := jsonb_build_object(workflow_id::text, coalesce(check_nesting.name, 'this workflow'));
  v_way text;
begin
  for depth in 1 .. 9 loop
    v_next := null;
    for v_at in
      select distinct on (n.target, n.version) n.workflow_id, n.name as node, n.target, n.version,
             (select w.id from taskflow.workflow w
               where w.tenant = check_nesting.tenant and w.name = n.target and (n.version is null or w.version = n.version)
               order by w.version desc limit 1) as id
        from taskflow.workflow_node n
       where n.tenant = check_nesting.tenant and n.workflow_id = any (v_level) and n.kind = 'workflow'
       order by n.target, n.version, n.no
    loop
      v_way := (v_ways ->> v_at.workflow_id::text) || ' -> ' || v_at.target;
      if v_at.target = check_nesting.name then
        perform taskflow.refuse_workflow(format('nodes.%s.workflow', v_at.node), 'the workflow would run itself: ' || v_way,
                                         'A step may not lead back to the workflow that it is in.');
      elsif v_at.id is null then
        perform taskflow.refuse_workflow(format('nodes.%s.workflow', v_at.node),
          format('there is no workflow "%s"%s', v_at.target, coalesce(' with version ' || v_at.version, '')), 'Save it first.');
      elsif depth > 8 then
        perform taskflow.refuse_workflow(format('nodes.%s.workflow', v_at.node), 'workflows lie more than 8 deep: ' || v_way, 'Put some of them side by side.');
      end if;
      v_ways := v_ways || jsonb_build_object(v_at.id::text, v_way);
      v_next := v_next || v_at.id;
    end loop;
    exit when v_next is null;
    v_level := v_next;
  end loop;
end
$$;
