-- Locks the runs that these jobs are steps of, by their roots and in the order of their ids, so that no
-- two transactions can wait for each other. Answers whether there are any. Internal.
-- `offset 0` here and in all that moves runs on: it keeps the planner, which may know nothing of these
-- tables yet, from turning the join round and reading all steps for every id.
create or replace function taskflow.lock_runs(tenant text, ids bigint[]) returns boolean
language plpgsql volatile
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
  v_roots bigint[];
begin
  select array_agg(distinct r.root_id) into v_roots
    from unnest(ids) i (id)
   cross join lateral (
     select s.run_id from taskflow.workflow_step s where s.tenant = lock_runs.tenant and s.job_id = i.id offset 0) s
   cross join lateral (
     select r.root_id from taskflow.workflow_run r where r.tenant = lock_runs.tenant and r.id = s.run_id offset 0) r;
  if v_roots is not null then
    perform from taskflow.workflow_run r where r.tenant = lock_runs.tenant and r.id = any (v_roots) order by r.id for no key update;
  end if;
  return v_roots is not null;
end
$$;
