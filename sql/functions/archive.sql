-- Moves a live job to history, succeeded or cancelled, and tells whoever depends on its end. Internal.
create or replace function taskflow.archive(
  job taskflow.job, state taskflow.job_state, at_time timestamptz, reason text, result jsonb
) returns void
language plpgsql volatile as $$
begin
  delete from taskflow.job j where j.tenant = job.tenant and j.id = job.id;
  insert into taskflow.job_history (
    id, run_at, created_at, claim_no, started_at, finished_at, worker_id, state, attempt, lost,
    max_attempts, priority, deadline, timeout, tenant, queue, task, created_by, unique_key, reason,
    tags, args, meta, result, unique_scope, args_version)
  values (
    job.id, job.run_at, job.created_at, job.claim_no, job.started_at, at_time, job.worker_id,
    archive.state, job.attempt, job.lost, job.max_attempts, job.priority % 10, job.deadline, job.timeout,
    job.tenant, job.queue, job.task, job.created_by, job.unique_key, archive.reason, job.tags, job.args,
    job.meta, archive.result, job.unique_scope, job.args_version);
  if job.lane_id is not null then
    perform taskflow.free_slots(job.tenant, array[job.id]);
  end if;
  perform taskflow.announce(job.tenant, array[job.id]);
  if job.is_followed then
    perform taskflow.tell_followers(job.tenant, array[job.id], archive.state::text);
  end if;
end
$$;
