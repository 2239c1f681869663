-- Moves a live job to the dead-letter queue. Reasons: failed, discarded, lost, expired, or the
-- caller's own words. Internal.
create or replace function taskflow.bury(
  job taskflow.job, at_time timestamptz, reason text, error jsonb
) returns void
language plpgsql volatile as $$
begin
  delete from taskflow.job j where j.tenant = job.tenant and j.id = job.id;
  insert into taskflow.dead_job (
    id, run_at, created_at, claim_no, started_at, finished_at, worker_id, attempt, lost, max_attempts,
    priority, deadline, timeout, tenant, queue, task, created_by, unique_key, reason, tags, args, meta,
    error_class, error_message, traceback, fingerprint, unique_scope, args_version)
  values (
    job.id, job.run_at, job.created_at, job.claim_no, job.started_at, at_time, job.worker_id, job.attempt,
    job.lost, job.max_attempts, job.priority % 10, job.deadline, job.timeout, job.tenant, job.queue, job.task,
    job.created_by, job.unique_key, bury.reason, job.tags, job.args, job.meta,
    left(error ->> 'class', 300), left(error ->> 'message', 8192), left(error ->> 'traceback', 32768),
    left(coalesce(error ->> 'fingerprint', bury.reason), 64), job.unique_scope, job.args_version);
  if job.lane_id is not null then
    perform taskflow.free_slots(job.tenant, array[job.id]);
  end if;
  perform taskflow.announce(job.tenant, array[job.id]);
  if job.is_followed then
    perform taskflow.tell_followers(job.tenant, array[job.id], 'dead');
  end if;
end
$$;
