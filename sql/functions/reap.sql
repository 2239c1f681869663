-- Takes back jobs whose worker died: ready again, or dead as 'lost' after max_lost losses in a row.
-- Jobs lost together come back each at a time of its own, within a third of `second_look` and 5 s: if one
-- of them kills its worker, it should not take them all along again. Suspects, which the next loss would
-- make dead, stand aside as 'blocked', and each call lets one of a queue run when none does.
-- Two looks: the first marks a batch with expired leases, a later one, at least `second_look` after
-- it, takes those that expired before the mark and were not renewed since. So an outage or a leap
-- of the clock, after which every lease is expired at once, gives live workers the time to renew.
-- A lease far in the future (the clock leapt back) counts as expired too.
-- Moves on what only waits for the time, too: delays and signals of workflows, and deadlines.
-- Any number may call it at any time, from anywhere. Answers how many jobs it took.
-- Locks: batches and jobs in question, skipping those locked by others.
create or replace function taskflow.reap(second_look interval default '15 seconds') returns integer
language plpgsql volatile security definer set search_path = taskflow, pg_temp
-- as in renew: no plan made on a small table may read all of a large one
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
  v_now timestamptz := taskflow.now();
  v_max_lost integer := taskflow.config('max_lost')::integer;
  v_far interval := interval '20 minutes';
  v_batch taskflow.claim_batch;
  v_running bigint[];
  v_expired bigint[];
  v_check_at timestamptz;
  v_taken integer := 0;
  v_before integer;
  v_is_alone boolean;
  v_job taskflow.job;
begin
  for v_batch in
    select * from taskflow.claim_batch b
     where (b.check_at <= v_now or b.check_at > v_now + v_far)
       -- those that only wait for their second look must not fill the hundred places
       and (b.suspected_at is null or b.suspected_at <= v_now - second_look or b.suspected_at > v_now)
     order by b.id limit 100 for update skip locked
  loop
    select array_agg(j.id), min(j.lease_until),
           array_agg(j.id) filter (where j.lease_until <= v_now or j.lease_until > v_now + v_far)
      into v_running, v_check_at, v_expired
      from unnest(v_batch.job_ids) b (id)
     cross join lateral (
       select j.* from taskflow.job j where j.tenant = v_batch.tenant and j.id = b.id offset 0) j
     where j.worker_id = v_batch.worker_id and j.lease_until is not null;
    if v_running is null then
      delete from taskflow.claim_batch b where b.tenant = v_batch.tenant and b.id = v_batch.id;
    elsif v_expired is null then
      update taskflow.claim_batch b set job_ids = v_running, check_at = v_check_at, suspected_at = null
       where b.tenant = v_batch.tenant and b.id = v_batch.id;
    elsif v_batch.suspected_at is null or v_batch.suspected_at > v_now then
      update taskflow.claim_batch b set job_ids = v_running, suspected_at = v_now
       where b.tenant = v_batch.tenant and b.id = v_batch.id;
    else
      v_before := v_taken;
      v_is_alone := v_taken = 0 and cardinality(v_expired) = 1;
      for v_job in
        select * from taskflow.job j
         where j.tenant = v_batch.tenant and j.id = any (v_expired) and j.worker_id = v_batch.worker_id
           and (j.lease_until <= v_batch.suspected_at or j.lease_until > v_batch.suspected_at + v_far)
         order by j.id for update skip locked
      loop
        continue when coalesce(v_job.is_followed, false) and not taskflow.can_tell(v_job.tenant, v_job.id);
        perform taskflow.record_attempt(v_job, 'lost', v_now, 'worker ' || v_job.worker_id || ' stopped renewing', null);
        if v_job.cancel_requested then
          perform taskflow.archive(v_job, 'cancelled', v_now, v_job.cancel_reason, null);
        elsif v_job.lost + 1 >= v_max_lost then
          perform taskflow.bury(v_job, v_now, 'lost', null);
        else
          perform taskflow.put_back(v_job, 'lost', v_now,
            case when not v_is_alone and not taskflow.is_suspect(v_job.lost + 1) then least(second_look / 3, interval '5 seconds') * random() end);
        end if;
        v_taken := v_taken + 1;
      end loop;
      if v_taken - v_before = cardinality(v_running) then
        delete from taskflow.claim_batch b where b.tenant = v_batch.tenant and b.id = v_batch.id;
      else  -- what is left of it starts anew with a first look
        update taskflow.claim_batch b set suspected_at = null
         where b.tenant = v_batch.tenant and b.id = v_batch.id;
      end if;
    end if;
  end loop;
  perform taskflow.admit_suspects(v_now);
  if exists (select from taskflow.workflow_step s where s.due_at <= v_now) then
    perform taskflow.run_timers(v_now);
  end if;
  return v_taken + taskflow.expire(v_now);
end
$$;
