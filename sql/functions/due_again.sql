-- The job that holds an ordered key over its retry, when it is due: nobody else may go before it. Internal.
create or replace function taskflow.due_again(lane taskflow.lane, key_id bigint, at_time timestamptz) returns bigint
language sql stable as $$
  select j.id from taskflow.limit_slot s
    join taskflow.job j on j.tenant = s.tenant and j.id = s.job_id
   where s.tenant = lane.tenant and s.key_id = due_again.key_id and j.lane_id = lane.id
     and j.state = 'ready' and j.run_at <= at_time limit 1
$$;
