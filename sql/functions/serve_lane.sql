-- Takes the next jobs of a lane, as many as all of its limits let start now, at most `most`. What is left
-- then has the lane looked at again: at once, when a limit opens, or when somebody who uses it ends.
-- Locks: all keys of the lane, or none. Internal.
create or replace function taskflow.serve_lane(
  lane taskflow.lane, priorities smallint[], most integer, at_time timestamptz
) returns tid[]
language plpgsql volatile as $$
declare
  v_keys taskflow.limit_key[];
  v_rules taskflow.job_limit[];
  v_rooms integer[];
  v_room record;
  v_ids bigint[];
  v_places tid[];
begin
  select array_agg(k.found order by (k.found).id) into v_keys
    from (select k as found from taskflow.limit_key k
           where k.tenant = lane.tenant and k.id = any (lane.key_ids) order by k.id for update skip locked) k;
  if coalesce(cardinality(v_keys), 0) < cardinality(lane.key_ids) then
    perform taskflow.ring(lane, at_time);  -- somebody is at one of them: come back
    return '{}';
  end if;
  for i in 1 .. cardinality(v_keys) loop
    v_rules[i] := (select l from taskflow.job_limit l where l.tenant = lane.tenant and l.name = v_keys[i].limit_name);
    select * into v_room from taskflow.limit_room(v_keys[i], v_rules[i], at_time);
    v_rooms[i] := v_room.room;
    if v_room.room = 0 then
      if v_room.cause = 'concurrency' and v_rules[i].is_ordered then
        v_places := taskflow.take_again(lane, v_keys[i].id, at_time);
        if v_places <> '{}' then
          return v_places;
        end if;
      end if;
      perform taskflow.block_lane(lane, v_keys[i], v_room.opens_at, at_time);
      return '{}';
    end if;
  end loop;
  select t.ids, t.places, t.rooms into v_ids, v_places, v_rooms
    from taskflow.take_from_lane(lane, priorities, most, v_keys, v_rules, v_rooms, at_time) t;
  perform taskflow.after_turn(lane, v_keys, v_rooms, v_ids, cardinality(v_ids) < most, at_time);
  return v_places;
end
$$;
