-- Has a lane wait for one of its keys. When that opens by itself, the first lane that waits for it is
-- looked at then, and passes on what it leaves: one timer for a key, however many lanes wait. Internal.
create or replace function taskflow.block_lane(
  lane taskflow.lane, limit_key taskflow.limit_key, opens_at timestamptz, at_time timestamptz
) returns void
language plpgsql volatile as $$
begin
  update taskflow.lane n set blocked_on = limit_key.id, blocked_since = at_time
   where n.tenant = lane.tenant and n.id = lane.id;
  if opens_at is not null and (limit_key.timer_at is null or limit_key.timer_at <= at_time or opens_at < limit_key.timer_at) then
    update taskflow.limit_key k set timer_at = opens_at where k.tenant = limit_key.tenant and k.id = limit_key.id;
    perform taskflow.ring(lane, opens_at);
  end if;
end
$$;
