-- Has a lane looked at, at a time. Internal.
create or replace function taskflow.ring(lane taskflow.lane, at_time timestamptz) returns void
language sql volatile as $$
  insert into taskflow.lane_bell (tenant, lane_id, queue, at) values (lane.tenant, lane.id, lane.queue, at_time)
$$;
