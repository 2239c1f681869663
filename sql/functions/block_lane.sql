-- Has a lane wait for one of its keys. Internal.
create or replace function taskflow.block_lane(lane taskflow.lane, key_id bigint, at_time timestamptz) returns void
language sql volatile as $$
  update taskflow.lane n set blocked_on = block_lane.key_id, blocked_since = at_time
   where n.tenant = lane.tenant and n.id = lane.id
$$;
