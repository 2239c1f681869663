-- The steps of a run in the order of its nodes; of one node first its compensations, then the node, then
-- its items. As get_run lets the session see it. At most `max_steps` (10,000 in a call), and after the
-- number and place of the last one seen, if given.
create or replace function taskflow.get_run_steps(
  run_id bigint, tenant text default null, max_steps integer default 1000, after integer[] default null
) returns setof taskflow.step_view
language sql stable security definer set search_path = taskflow, pg_temp as $$
  select v.* from taskflow.step_view v
   where v.tenant = taskflow.tenant_of(get_run_steps.tenant) and v.run_id = get_run_steps.run_id
     and (v.no, v.place) > (coalesce(get_run_steps.after[1], 0), coalesce(get_run_steps.after[2], 0))
     and exists (select from taskflow.workflow_run r
                  where r.tenant = v.tenant and r.id = v.run_id and (r.created_by = session_user or taskflow.may_read()))
   order by v.no, v.place limit least(max_steps, 10000)
$$;
