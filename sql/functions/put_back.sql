-- Makes a running job ready again after a failed, snoozed, released or lost attempt.
-- A delay below zero counts as none, one of more than ten years as ten years.
-- Only a failure counts as an attempt and only a loss as a loss; any other end clears the losses.
-- The claim number stays: the next claim raises it, and lease_until NULL shuts this one out. Internal.
create or replace function taskflow.put_back(
  job taskflow.job, outcome text, at_time timestamptz, delay interval
) returns void
language plpgsql volatile as $$
declare
  v_delay interval := coalesce(delay, case outcome when 'failed' then taskflow.backoff(job.attempt)
                                                    else interval '0' end);
begin
  v_delay := least(greatest(v_delay, interval '0'), interval '10 years');
  update taskflow.job j
     set state = 'ready', lease_until = null, worker_id = null,
         attempt = case outcome when 'failed' then j.attempt else greatest(j.attempt - 1, 0) end,
         lost = case outcome when 'lost' then j.lost + 1 when 'released' then j.lost else 0 end,
         run_at = case when v_delay > interval '0' then at_time + v_delay else j.run_at end
   where j.tenant = job.tenant and j.id = job.id;
  if job.lane_id is not null then
    perform taskflow.free_slots(job.tenant, array[job.id], for_retry => true);
    perform taskflow.enter_lane(job, case when v_delay > interval '0' then at_time + v_delay else at_time end);
  end if;
  if v_delay <= interval '0' then
    perform taskflow.wake(job.queue);
  end if;
end
$$;
