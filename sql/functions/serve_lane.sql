-- Takes the next jobs of a lane, as many as all of its limits let start now, at most `most`. What is left
-- then has the lane looked at again: at once, when a limit opens, or when somebody who uses it ends.
-- Room that the lane cannot use goes to others that wait for the same key: without that, a lane that
-- waits for two keys could be woken by one, find the other full, and nobody would hear of the room.
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
  v_full integer;
  v_only bigint;
  v_ids bigint[] := '{}';
  v_places tid[] := '{}';
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
      v_only := case when v_room.cause = 'concurrency' and v_rules[i].is_ordered
                     then taskflow.due_again(lane, v_keys[i].id, at_time) end;
      if v_only is not null then
        v_rooms[i] := 1;  -- for the job that has it already
      elsif v_full is null then
        v_full := i;
      end if;
    end if;
  end loop;
  if v_full is not null then
    perform taskflow.block_lane(lane, v_keys[v_full].id, at_time);
  else
    select t.ids, t.places, t.rooms into v_ids, v_places, v_rooms
      from taskflow.take_from_lane(lane, priorities, most, v_keys, v_rules, v_rooms, v_only, at_time) t;
    perform taskflow.after_turn(lane, v_keys, v_rooms, v_ids, cardinality(v_ids) < most, at_time);
  end if;
  for i in 1 .. cardinality(v_keys) loop
    perform taskflow.pass_on(v_keys[i], v_rules[i], v_rooms[i], at_time);
  end loop;
  return v_places;
end
$$;
