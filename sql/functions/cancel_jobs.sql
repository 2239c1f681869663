-- Cancels many jobs at once: those that wait go to history, those that run are asked to stop, and those
-- that somebody else has locked are passed over. Answers the ones that have ended by it; telling who
-- follows them is the caller's. Steps of jobs that could not be asked are marked for upkeep. Internal.
create or replace function taskflow.cancel_jobs(tenant text, ids bigint[], reason text) returns bigint[]
language plpgsql volatile
-- as in settle_many: each job is looked up by its key
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
  v_now timestamptz := taskflow.now();
  v_gone bigint[];
  v_asked bigint[];
  v_worker bigint;
begin
  with held as materialized (
    select j.tenant, j.id from taskflow.job j
     where j.tenant = cancel_jobs.tenant and j.id = any (ids) and j.lease_until is null
     order by j.id for update skip locked),
  gone as (
    delete from taskflow.job j using held h where j.tenant = any (array[h.tenant]) and j.id = h.id returning j.*),
  kept as (
    insert into taskflow.job_history (
      id, run_at, created_at, claim_no, started_at, finished_at, worker_id, state, attempt, lost, max_attempts, priority,
      deadline, timeout, tenant, queue, task, created_by, unique_key, reason, tags, args, meta, unique_scope)
    select g.id, g.run_at, g.created_at, g.claim_no, g.started_at, v_now, g.worker_id, 'cancelled', g.attempt, g.lost, g.max_attempts,
           g.priority % 10, g.deadline, g.timeout, g.tenant, g.queue, g.task, g.created_by, g.unique_key, left(cancel_jobs.reason, 1000),
           g.tags, g.args, g.meta, g.unique_scope
      from gone g)
  select array_agg(g.id order by g.id) into v_gone from gone g;
  with held as materialized (
    select j.tenant, j.id from taskflow.job j
     where j.tenant = cancel_jobs.tenant and j.id = any (ids) and j.lease_until is not null
     order by j.id for update skip locked),
  asked as (
    update taskflow.job j set cancel_requested = true, cancel_reason = left(cancel_jobs.reason, 1000)
      from held h
     where j.tenant = any (array[h.tenant]) and j.id = h.id
    returning j.id, j.worker_id),
  told as (
    select pg_notify('taskflow', 'cancel ' || w.worker_id) from (select distinct a.worker_id from asked a) w)
  select array_agg(a.id) into v_asked from asked a where (select count(*) from told) >= 0;
  update taskflow.workflow_step s set due_at = v_now
   where s.tenant = cancel_jobs.tenant and s.state = 'scheduled'
     and s.job_id = any (array(select unnest(ids) except select unnest(v_gone || v_asked)));
  update taskflow.workflow_step s set due_at = null
   where s.tenant = cancel_jobs.tenant and s.job_id = any (v_asked) and s.due_at is not null;
  if v_gone is not null then
    perform taskflow.announce(tenant, v_gone);
  end if;
  return v_gone;
end
$$;
