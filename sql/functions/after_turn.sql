-- Leaves a lane after its turn in the state that its jobs and keys are in. Internal.
create or replace function taskflow.after_turn(
  lane taskflow.lane, keys taskflow.limit_key[], rooms integer[], taken bigint[], found_less boolean, at_time timestamptz
) returns void
language plpgsql volatile as $$
declare
  v_full integer := array_position(rooms, 0);
begin
  if not exists (select from taskflow.job j
                  where j.lane_id = lane.id and j.run_at <= at_time and j.state = 'ready' and j.id <> all (taken)) then
    if lane.blocked_on is not null then
      update taskflow.lane n set blocked_on = null, blocked_since = null where n.tenant = lane.tenant and n.id = lane.id;
    end if;
  elsif v_full is not null then
    perform taskflow.block_lane(lane, keys[v_full].id, at_time);
  else
    -- found less than asked for: what is left is locked, does not fit yet, or is of a priority that this
    -- worker does not serve
    perform taskflow.ring(lane, taskflow.now() + case when found_less then interval '100 ms' else interval '0' end);
  end if;
end
$$;
