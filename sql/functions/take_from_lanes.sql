-- Finds jobs that limits let start now, in at most `most` rows of taskflow.job, which are locked and
-- noted as using their limits. Lanes that ring are served in turn, each with its share.
-- Locks: lanes and keys, skipping those that other claims are at. Internal.
create or replace function taskflow.take_from_lanes(
  queue text, priorities smallint[], most integer, at_time timestamptz, paused text[]
) returns tid[]
language plpgsql volatile as $$
declare
  v_places tid[] := '{}';
  v_lanes bigint[];
  v_lane taskflow.lane;
  v_share integer;
begin
  select array_agg(b.lane_id order by b.first, b.lane_id) into v_lanes
    from (select r.lane_id, min(r.at) as first
            from (select b.lane_id, b.at from taskflow.lane_bell b
                   where b.queue = take_from_lanes.queue and b.at <= at_time and b.tenant <> all (paused)
                   order by b.at limit 1000) r
           group by r.lane_id order by 2, 1 limit 100) b;
  v_share := greatest(most / coalesce(cardinality(v_lanes), 1), 1);
  for v_lane in
    select n.* from unnest(v_lanes) with ordinality r (id, place)
      join taskflow.lane n on n.id = r.id
     order by r.place for update of n skip locked
  loop
    exit when cardinality(v_places) >= most;  -- the others keep their bells
    delete from taskflow.lane_bell b where b.lane_id = v_lane.id and b.at <= at_time;
    v_places := v_places || taskflow.serve_lane(v_lane, priorities, least(v_share, most - cardinality(v_places)), at_time);
  end loop;
  return v_places;
end
$$;
