-- Checks that every step which an expression reads is there, and before the node that reads it: one of
-- those that it needs, or of those that they need. `reads` are names joined by commas. Raises TF160. Internal.
create or replace function taskflow.check_reads(
  tenant text, workflow_id bigint, nos integer[], fields text[], places text[], reads text[]
) returns void
language plpgsql stable
-- nothing is known of the sizes of what is joined here: row by row it would take minutes
set enable_nestloop = off
as $$
declare
  v_fault record;
  v_count integer;
  v_before bit varying[];
  v_mine bit varying;
  v_node record;
  v_parent integer;
begin
  select u.place, u.name into v_fault
    from (select u.place, string_to_table(nullif(u.reads, ''), ',') as name from unnest(places, reads) u (place, reads)) u
   where not exists (select from taskflow.workflow_node n
                      where n.tenant = check_reads.tenant and n.workflow_id = check_reads.workflow_id and n.name = u.name)
   order by u.place collate "C", u.name limit 1;
  if found then
    perform taskflow.refuse_workflow(v_fault.place, format('reads step "%s", and there is no such node', v_fault.name), 'Names are compared letter by letter.');
  end if;
  -- all but those that a node needs itself: for these every node's whole line of ancestors is made
  for v_fault in
    select u.no, u.place, o.no as read, o.name
      from (select u.no, u.place, string_to_table(nullif(u.reads, ''), ',') as name
              from unnest(nos, fields, places, reads) u (no, field, place, reads) where u.field <> 'output') u
      join taskflow.workflow_node o on o.tenant = check_reads.tenant and o.workflow_id = check_reads.workflow_id and o.name = u.name
      join taskflow.workflow_node n on n.tenant = check_reads.tenant and n.workflow_id = check_reads.workflow_id and n.no = u.no
     where o.no <> all (n.needs) and not (o.no = n.no and u.place like '%.compensate.%')
     order by u.place collate "C"
  loop
    if v_before is null then
      select count(*) into v_count from taskflow.workflow_node n where n.tenant = check_reads.tenant and n.workflow_id = check_reads.workflow_id;
      v_before := array_fill(repeat('0', v_count)::bit varying, array[v_count]);
      for v_node in
        select n.no, n.needs from taskflow.workflow_node n
         where n.tenant = check_reads.tenant and n.workflow_id = check_reads.workflow_id and n.needs <> '{}' order by n.no
      loop
        v_mine := v_before[v_node.no];
        foreach v_parent in array v_node.needs loop
          v_mine := set_bit(v_mine | v_before[v_parent], v_parent - 1, 1);
        end loop;
        v_before[v_node.no] := v_mine;
      end loop;
    end if;
    if get_bit(v_before[v_fault.no], v_fault.read - 1) = 0 then
      perform taskflow.refuse_workflow(v_fault.place, format('reads step "%s", which the node does not wait for', v_fault.name),
                                       'Name it in needs, or something that needs it.');
    end if;
  end loop;
end
$$;
