-- Keeps an attempt that did not simply succeed; of one that did, the history row says it all.
-- Releases are not attempts. Internal.
create or replace function taskflow.record_attempt(
  job taskflow.job, outcome text, at_time timestamptz, reason text, error jsonb
) returns void
language sql volatile as $$
  insert into taskflow.attempt (job_id, claim_no, attempt, outcome, worker_id, started_at, finished_at,
                                tenant, reason, error_class, error_message, traceback, fingerprint)
  values (job.id, job.claim_no, job.attempt, outcome, job.worker_id, job.started_at, at_time, job.tenant,
          reason, left(error ->> 'class', 300), left(error ->> 'message', 8192),
          left(error ->> 'traceback', 32768), left(error ->> 'fingerprint', 64))
$$;
