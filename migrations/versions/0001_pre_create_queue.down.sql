drop view if exists taskflow.job_view cascade;
do $$
declare
  v_function regprocedure;
begin
  for v_function in
    select p.oid from pg_proc p where p.pronamespace = 'taskflow'::regnamespace
  loop
    execute format('drop function if exists %s cascade', v_function);
  end loop;
end
$$;
drop table if exists taskflow.job, taskflow.claim_batch, taskflow.job_history, taskflow.dead_job,
  taskflow.attempt, taskflow.queue, taskflow.task, taskflow.worker, taskflow.waiter, taskflow.watcher,
  taskflow.tenant_role, taskflow.config, taskflow.sql_object cascade;
drop type if exists taskflow.job_state;
