-- Gives a job up for good: a dead one leaves the dead-letter queue, a waiting one is cancelled. It
-- stays in history as cancelled with the reason. Raises TF120 (unknown), TF121 (running, finished).
create or replace function taskflow.discard(id bigint, reason text default null, tenant text default null)
returns void
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
declare
  v_tenant text := taskflow.tenant_of(discard.tenant);
  v_reason text := left(coalesce(discard.reason, 'discarded by ' || taskflow.caller()), 1000);
  v_job taskflow.job;
begin
  with gone as (
    delete from taskflow.dead_job d where d.tenant = v_tenant and d.id = discard.id returning d.*)
  insert into taskflow.job_history (
    id, run_at, created_at, claim_no, started_at, finished_at, worker_id, state, attempt, lost,
    max_attempts, priority, deadline, timeout, tenant, queue, task, created_by, unique_key, reason,
    tags, args, meta, unique_scope, args_version)
  select g.id, g.run_at, g.created_at, g.claim_no, g.started_at, taskflow.now(), g.worker_id, 'cancelled',
         g.attempt, g.lost, g.max_attempts, g.priority, g.deadline, g.timeout, g.tenant, g.queue, g.task,
         g.created_by, g.unique_key, v_reason, g.tags, g.args, g.meta, g.unique_scope, g.args_version
    from gone g;
  if found then
    return;
  end if;
  v_job := taskflow.find_live(discard.id, v_tenant);
  if v_job.state = 'running' then
    raise exception 'job % is running', v_job.id using errcode = 'TF121', hint = 'Cancel it instead.';
  end if;
  perform taskflow.archive(v_job, 'cancelled', taskflow.now(), v_reason, null);
end
$$;
