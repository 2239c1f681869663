-- Holds the keys of a job's lane until a time: of one limit, or of all ('*'). Internal.
create or replace function taskflow.hold_lane(job taskflow.job, limit_name text, until timestamptz) returns void
language sql volatile as $$
  update taskflow.limit_key k set held_until = greatest(k.held_until, least(hold_lane.until, taskflow.now() + interval '1 year'))
    from taskflow.lane n
   where n.tenant = job.tenant and n.id = job.lane_id
     and k.tenant = job.tenant and k.id = any (n.key_ids) and hold_lane.limit_name in ('*', k.limit_name)
$$;
