-- Takes jobs of a lane in order of priority, run time and id, until the next one does not fit: a large
-- job is not passed by for ever by small ones. With `only_id`, that one alone. Answers the rooms that are
-- left. The caller holds the
-- locks on the keys. Internal.
create or replace function taskflow.take_from_lane(
  lane taskflow.lane, priorities smallint[], most integer, keys taskflow.limit_key[], rules taskflow.job_limit[],
  inout rooms integer[], only_id bigint, at_time timestamptz, out ids bigint[], out places tid[]
)
language plpgsql volatile as $$
declare
  v_priority smallint;
  v_job record;
  v_weights integer[];
  v_all integer[] := '{}';
  v_count integer := cardinality(keys);
begin
  ids := '{}';
  places := '{}';
  <<lines>>
  foreach v_priority in array priorities loop
    for v_job in
      select j.ctid as place, j.id, j.args from taskflow.job j
       where j.lane_id = lane.id and j.priority = v_priority + 10 and j.run_at <= at_time
         and j.state = 'ready' and (only_id is null or j.id = only_id)
         and (j.deadline is null or j.deadline > at_time)
       order by j.run_at, j.id
       limit least(most - cardinality(ids), (select min(r) from unnest(rooms) r))
         for update skip locked
    loop
      v_weights := array(select taskflow.limit_weight(r, v_job.args) from unnest(rules) r);
      exit lines when exists (select from unnest(v_weights, rooms) u (weight, room) where u.weight > u.room);
      rooms := array(select u.room - u.weight from unnest(v_weights, rooms) with ordinality u (weight, room, place) order by u.place);
      ids := ids || v_job.id;
      places := places || v_job.place;
      v_all := v_all || v_weights;
    end loop;
    exit when cardinality(ids) >= most;
  end loop;
  if ids <> '{}' then
    for i in 1 .. v_count loop
      perform taskflow.use_limit(keys[i], rules[i], ids,
        array(select v_all[n * v_count + i] from generate_series(0, cardinality(ids) - 1) n), at_time);
    end loop;
  end if;
end
$$;
