-- What the expressions of a step see: the input of its run, and the ends of the steps that they read.
-- Raises when these are too much to be one value: many of the largest results would take all memory first. Internal.
create or replace function taskflow.step_context(tenant text, run_id bigint, reads integer[]) returns jsonb
language plpgsql stable as $$
declare
  v_bytes bigint;
begin
  if cardinality(reads) > 3 then
    select sum(s.bytes) into v_bytes
      from unnest(step_context.reads) u (no)
     cross join lateral (
       select pg_column_size(s.result) as bytes from taskflow.workflow_step s
        where s.tenant = step_context.tenant and s.run_id = step_context.run_id and s.node = u.no and s.place = -1 offset 0) s;
    if v_bytes > 67108864 then
      raise exception 'the results that it reads take % bytes, the limit is 67108864', v_bytes;
    end if;
  end if;
  return (
    select jsonb_build_object('input', r.input, 'steps', coalesce((
             select jsonb_object_agg(n.name, jsonb_build_object('state', s.state, 'result', s.result, 'error', s.error))
               from unnest(step_context.reads) u (no)
              cross join lateral (
                select s.state, s.result, s.error from taskflow.workflow_step s
                 where s.tenant = r.tenant and s.run_id = r.id and s.node = u.no and s.place = -1 offset 0) s
              cross join lateral (
                select n.name from taskflow.workflow_node n where n.tenant = r.tenant and n.workflow_id = r.workflow_id and n.no = u.no offset 0) n), '{}'))
      from taskflow.workflow_run r
     where r.tenant = step_context.tenant and r.id = step_context.run_id);
end
$$;
