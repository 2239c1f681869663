-- Makes a running job ready again after a failed, snoozed, released or lost attempt.
-- A delay below zero counts as none, one of more than ten years as ten years.
-- Only a failure counts as an attempt and only a loss as a loss; any other end clears the losses.
-- A suspect, which one more loss would make dead, stands aside until admit_suspects lets it run.
-- All but a release have started, so a deadline, the latest time to start, is met and goes.
-- The claim number stays: the next claim raises it, and lease_until NULL shuts this one out. Internal.
create or replace function taskflow.put_back(
  job taskflow.job, outcome text, at_time timestamptz, delay interval
) returns void
language plpgsql volatile as $$
declare
  v_delay interval := coalesce(delay, case outcome when 'failed' then taskflow.backoff(job.attempt)
                                                    else interval '0' end);
  v_lost integer := case outcome when 'lost' then job.lost + 1 when 'released' then job.lost else 0 end;
  v_is_suspect boolean := v_lost > 0 and job.lane_id is null and taskflow.is_suspect(v_lost);
begin
  v_delay := least(greatest(v_delay, interval '0'), interval '10 years');
  update taskflow.job j
     set state = 'ready', lease_until = null, worker_id = null,
         attempt = case outcome when 'failed' then j.attempt else greatest(j.attempt - 1, 0) end,
         lost = v_lost,
         deadline = case outcome when 'released' then j.deadline end,
         priority = case when v_is_suspect then j.priority % 10 + 10 else j.priority end,
         run_at = case when v_delay > interval '0' then at_time + v_delay else j.run_at end
   where j.tenant = job.tenant and j.id = job.id;
  if job.lane_id is not null then
    perform taskflow.free_slots(job.tenant, array[job.id], for_retry => true);
    perform taskflow.enter_lane(job, case when v_delay > interval '0' then at_time + v_delay else at_time end);
  end if;
  if v_delay <= interval '0' and not v_is_suspect then
    perform taskflow.wake(job.queue);
  end if;
end
$$;
