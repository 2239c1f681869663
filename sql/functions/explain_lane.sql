-- What explain says of a job under limits: each key that has no room, who uses it or when it opens; and
-- if all have room, who comes before it in its lane. Internal.
create or replace function taskflow.explain_lane(job taskflow.job, at_time timestamptz)
returns table (cause text, sentence text, detail jsonb)
language plpgsql stable as $$
#variable_conflict use_column
declare
  v_key taskflow.limit_key;
  v_rule taskflow.job_limit;
  v_room record;
  v_holders bigint[];
  v_of text;
  v_ahead bigint;
  v_is_full boolean := false;
begin
  for v_key in
    select k.* from taskflow.lane n join taskflow.limit_key k on k.tenant = n.tenant and k.id = any (n.key_ids)
     where n.tenant = job.tenant and n.id = job.lane_id order by k.id
  loop
    select * into v_rule from taskflow.job_limit l where l.tenant = v_key.tenant and l.name = v_key.limit_name;
    continue when not found;
    select * into v_room from taskflow.limit_room(v_key, v_rule, at_time);
    continue when v_room.room > 0;
    v_is_full := true;
    v_of := format('limit %s%s', v_key.limit_name, case when v_key.key <> '' then ' for ' || quote_literal(v_key.key) else '' end);
    select array_agg(s.job_id order by s.taken_at, s.job_id) into v_holders
      from (select s.job_id, s.taken_at from taskflow.limit_slot s
             where s.tenant = v_key.tenant and s.key_id = v_key.id order by s.taken_at, s.job_id limit 100) s;
    return query select
      case v_room.cause when 'held' then 'limit_held' when 'rate' then 'rate_limit' else v_room.cause end,
      case v_room.cause
        when 'held' then format('A job said to wait: %s is held until %s.', v_of, to_char(v_room.opens_at at time zone 'UTC', 'HH24:MI:SS"Z"'))
        when 'breaker_open' then format('The breaker of %s is open after failures; it probes at %s.', v_of, to_char(v_room.opens_at at time zone 'UTC', 'HH24:MI:SS"Z"'))
        when 'breaker_probe' then format('The breaker of %s lets one job probe: %s.', v_of, v_holders[1])
        when 'rate' then format('%s lets %s start in %s; the next at %s.', initcap(left(v_of, 1)) || substr(v_of, 2), v_rule.rate, v_rule.period, to_char(v_room.opens_at at time zone 'UTC', 'HH24:MI:SS"Z"'))
        else format('%s is used up by %s.', initcap(left(v_of, 1)) || substr(v_of, 2),
                    case when v_holders is null then 'permits outside of jobs'
                         when cardinality(v_holders) = 1 then 'job ' || v_holders[1]
                         else cardinality(v_holders) || ' jobs, such as ' || v_holders[1] end)
      end,
      jsonb_build_object('limit', v_key.limit_name, 'key', v_key.key, 'held_by', v_holders, 'opens_at', v_room.opens_at);
  end loop;
  if not v_is_full then
    select count(*) into v_ahead from (
      select from taskflow.job j
       where j.lane_id = job.lane_id and j.state = 'ready' and j.run_at <= at_time
         and (j.priority, j.run_at, j.id) < (job.priority, job.run_at, job.id) limit 1001) a;
    if v_ahead > 0 then
      return query select 'behind_in_lane',
        case when v_ahead = 1 then 'One job comes first in its lane.'
             else format('%s jobs come first in its lane.', case when v_ahead > 1000 then 'More than 1,000' else v_ahead::text end) end,
        jsonb_build_object('ahead', v_ahead, 'lane', job.lane_id);
    end if;
  end if;
end
$$;
