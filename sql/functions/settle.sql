-- Writes how one attempt ended. Outcomes: completed, failed, snoozed, cancelled, released, discarded.
--   failed     tries again after `delay` (default: taskflow.backoff) or, attempts spent, goes to the
--              dead-letter queue
--   snoozed    runs again after `delay`, or at `until`; the attempt is not counted
--   snoozed, with hold_limit
--              the same, and until then no other job of its key of that limit ('*': of all its limits)
--              starts either
--   released   handed back, not run; the attempt is not counted
--   discarded  goes to the dead-letter queue at once
-- `reason` says why, in a few words. Of a completed job it is kept, too: 'result pending' tells that
-- taskflow.set_result is to follow.
-- `error` is {"class", "message", "traceback", "fingerprint"}, all texts and all optional.
-- Answers 'applied', 'already' (this claim was settled before: a repeat after a lost reply is safe)
-- or 'stale' (the lease was lost; nothing is written). Locks: the job's row.
-- Raises TF111 for an unknown outcome.
create or replace function taskflow.settle(
  id bigint,
  claim_no bigint,
  outcome text default 'completed',
  result jsonb default null,
  delay interval default null,
  reason text default null,
  error jsonb default null,
  tenant text default 'default',
  until timestamptz default null,
  hold_limit text default null
) returns text
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
declare
  v_now timestamptz := taskflow.now();
  v_reason text := left(settle.reason, 1000);
  v_job taskflow.job;
begin
  if settle.outcome is null or settle.outcome not in ('completed', 'failed', 'snoozed', 'cancelled', 'released', 'discarded') then
    raise exception 'outcome % is not known', coalesce(quote_literal(left(settle.outcome, 40)), 'NULL')
      using errcode = 'TF111',
            hint = 'Use completed, failed, snoozed, cancelled, released or discarded.';
  end if;
  if not taskflow.result_ok(settle.result, taskflow.config('max_result_bytes')::integer) then
    raise exception 'the result takes more than % bytes or 64 levels, or holds a number beyond 1e300', taskflow.config('max_result_bytes')
      using errcode = 'TF114', hint = 'Store it elsewhere and return its key; the job is still running.';
  end if;
  select * into v_job from taskflow.job j
   where j.tenant = settle.tenant and j.id = settle.id and j.claim_no = settle.claim_no
     and j.lease_until is not null
     for update;
  if not found then
    return taskflow.settled_before(settle.tenant, settle.id, settle.claim_no);
  end if;
  if v_job.lane_id is not null and settle.outcome in ('completed', 'failed') then
    perform taskflow.free_slots(settle.tenant, array[settle.id], settle.outcome,
                                for_retry => settle.outcome = 'failed' and v_job.attempt < v_job.max_attempts);
  end if;
  if v_job.lane_id is not null and settle.hold_limit is not null then
    perform taskflow.hold_lane(v_job, settle.hold_limit, v_now + coalesce(settle.delay, settle.until - v_now));
  end if;
  if settle.outcome not in ('completed', 'released') then
    perform taskflow.record_attempt(v_job, settle.outcome, v_now, v_reason, settle.error);
  end if;
  if settle.outcome = 'completed' then
    perform taskflow.archive(v_job, 'succeeded', v_now, v_reason, settle.result);
  elsif settle.outcome = 'cancelled' or (v_job.cancel_requested and settle.outcome <> 'discarded') then
    perform taskflow.archive(v_job, 'cancelled', v_now, coalesce(v_reason, v_job.cancel_reason), null);
  elsif settle.outcome = 'discarded' then
    perform taskflow.bury(v_job, v_now, coalesce(v_reason, 'discarded'), settle.error);
  elsif settle.outcome = 'failed' and v_job.attempt >= v_job.max_attempts then
    perform taskflow.bury(v_job, v_now, coalesce(v_reason, 'failed'), settle.error);
  else
    perform taskflow.put_back(v_job, settle.outcome, v_now, coalesce(settle.delay, settle.until - v_now));
  end if;
  return 'applied';
end
$$;
