-- The job that holds an ordered key over its retry, when it is due: nobody else may go before it. Internal.
create or replace function taskflow.take_again(lane taskflow.lane, key_id bigint, at_time timestamptz) returns tid[]
language sql volatile as $$
  select coalesce(array_agg(h.place), '{}')
    from (select j.ctid as place
            from taskflow.limit_slot s
            join taskflow.job j on j.tenant = s.tenant and j.id = s.job_id
           where s.tenant = lane.tenant and s.key_id = take_again.key_id and j.lane_id = lane.id
             and j.state = 'ready' and j.run_at <= at_time
             for update of j skip locked) h
$$;
