-- Locks the runs that these jobs are steps of, by their roots and in the order of their ids, so that no
-- two transactions can wait for each other. Answers whether there are any. Internal.
create or replace function taskflow.lock_runs(tenant text, ids bigint[]) returns boolean
language plpgsql volatile as $$
declare
  v_roots bigint[];
begin
  select array_agg(distinct r.root_id) into v_roots
    from unnest(ids) i (id)
    join taskflow.workflow_step s on s.tenant = lock_runs.tenant and s.job_id = i.id
    join taskflow.workflow_run r on r.tenant = s.tenant and r.id = s.run_id;
  if v_roots is not null then
    perform from taskflow.workflow_run r where r.tenant = lock_runs.tenant and r.id = any (v_roots) order by r.id for no key update;
  end if;
  return v_roots is not null;
end
$$;
