-- Has those lanes looked at that have waited longest for a key, one for each place that is free. Answers
-- their queues. Internal.
create or replace function taskflow.ring_waiting(tenant text, key_id bigint, room integer) returns text[]
language sql volatile as $$
  with rung as (
    insert into taskflow.lane_bell (tenant, lane_id, queue, at)
    select n.tenant, n.id, n.queue, taskflow.now() from taskflow.lane n
     where n.blocked_on = ring_waiting.key_id and n.tenant = ring_waiting.tenant
     order by n.blocked_since limit least(ring_waiting.room, 100)
    returning queue)
  select array_agg(distinct r.queue) from rung r
$$;
