-- Every job that is known, live, finished or dead, in the states people see. For reading one job, or
-- pages with a filter; the queue's own functions never use it.
create or replace view taskflow.job_view with (security_invoker = true) as
  select j.tenant, j.id, taskflow.state_of(j.state, j.run_at, j.attempt, j.priority, taskflow.now()) as state,
         j.queue, j.task, taskflow.priority_name(j.priority) as priority, j.attempt, j.max_attempts,
         j.lost, j.claim_no, j.run_at, j.created_at, j.started_at, null::timestamptz as finished_at,
         j.lease_until, j.deadline, j.timeout, j.worker_id, j.cancel_requested, j.cancel_reason as reason,
         j.unique_key, j.tags, j.created_by, j.args, j.meta, null::jsonb as result,
         null::text as error_class, null::text as error_message, null::text as traceback,
         null::text as fingerprint
    from taskflow.job j
  union all
  select h.tenant, h.id, h.state::text, h.queue, h.task, taskflow.priority_name(h.priority), h.attempt,
         h.max_attempts, h.lost, h.claim_no, h.run_at, h.created_at, h.started_at, h.finished_at,
         null, h.deadline, h.timeout, h.worker_id, false, h.reason, h.unique_key, h.tags, h.created_by,
         h.args, h.meta, h.result, null, null, null, null
    from taskflow.job_history h
  union all
  select d.tenant, d.id, 'dead', d.queue, d.task, taskflow.priority_name(d.priority), d.attempt,
         d.max_attempts, d.lost, d.claim_no, d.run_at, d.created_at, d.started_at, d.finished_at,
         null, d.deadline, d.timeout, d.worker_id, false, d.reason, d.unique_key, d.tags, d.created_by,
         d.args, d.meta, null, d.error_class, d.error_message, d.traceback, d.fingerprint
    from taskflow.dead_job d;
