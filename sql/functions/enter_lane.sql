-- Tells a lane of a job that is to be served at a time. Internal.
create or replace function taskflow.enter_lane(job taskflow.job, at_time timestamptz) returns void
language sql volatile as $$
  insert into taskflow.lane_bell (tenant, lane_id, queue, at) values (job.tenant, job.lane_id, job.queue, at_time)
$$;
