-- Whether the end of a run is one that the run above it, or one further up, lives with. Internal.
create or replace function taskflow.is_accepted(tenant text, run_id bigint) returns boolean
language sql stable as $$
  with recursive up (run_id, is_accepted) as (
    select is_accepted.run_id, false
    union all
    select r.parent_id, n.fate = 'continue'
      from up
      join taskflow.workflow_run r on r.tenant = is_accepted.tenant and r.id = up.run_id and r.parent_id is not null
      join taskflow.workflow_run p on p.tenant = r.tenant and p.id = r.parent_id
      join taskflow.workflow_node n on n.tenant = p.tenant and n.workflow_id = p.workflow_id and n.no = r.parent_node)
  select bool_or(u.is_accepted) from up u
$$;
