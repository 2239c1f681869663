-- A schedule with options from a JSON object laid over it; what stands there as null is not given.
-- Zero, an empty text or infinity takes an option back. Giving cron, every or at takes the other two
-- back. Raises TF111 for what belongs to no schedule. Internal.
create or replace function taskflow.schedule_from(base taskflow.schedule, given jsonb) returns taskflow.schedule
language plpgsql volatile as $$
declare
  v_given jsonb := (select coalesce(jsonb_object_agg(g.key, g.value), '{}') from jsonb_each(given) g
                     where g.value <> 'null');
  v_known text[] := '{task,args,queue,priority,max_attempts,timeout,tags,meta,cron,every,at,time_zone,jitter,
                      starts_at,ends_at,max_runs,overlap,catch_up,catch_up_span}';
  v_unknown text := (select min(k) from jsonb_object_keys(v_given) k where k <> all (v_known));
  v_s taskflow.schedule := base;
begin
  if v_unknown is not null then
    raise exception 'a schedule has no option %', quote_literal(left(v_unknown, 40))
      using errcode = 'TF111', hint = format('It has %s.', array_to_string(v_known, ', '));
  end if;
  if v_given ->> 'cron' like '@every %' then
    v_given := v_given - 'cron' || jsonb_build_object('every', substr(v_given ->> 'cron', 8));
  end if;
  if v_given ?| '{cron,every,at}' then
    v_s.cron := null;
    v_s.every := null;
    v_s.at := null;
  end if;
  if v_given ->> 'priority' = '' then
    v_s.priority := null;
    v_given := v_given - 'priority';
  elsif v_given ? 'priority' then
    if taskflow.priority_no(v_given ->> 'priority') is null then
      raise exception 'priority % is not known', quote_literal(left(v_given ->> 'priority', 40))
        using errcode = 'TF111', hint = 'Use critical, high, normal or low.';
    end if;
    v_given := v_given || jsonb_build_object('priority', taskflow.priority_no(v_given ->> 'priority'));
  end if;
  v_s := jsonb_populate_record(v_s, v_given);
  v_s.queue := nullif(v_s.queue, '');
  v_s.tags := nullif(v_s.tags, '{}');
  v_s.meta := nullif(v_s.meta, '{}');
  v_s.max_attempts := nullif(v_s.max_attempts, 0);
  v_s.max_runs := nullif(v_s.max_runs, 0);
  v_s.timeout := nullif(v_s.timeout, interval '0');
  v_s.jitter := nullif(v_s.jitter, interval '0');
  v_s.catch_up_span := nullif(v_s.catch_up_span, interval '0');
  v_s.starts_at := nullif(nullif(v_s.starts_at, 'infinity'), '-infinity');
  v_s.ends_at := nullif(v_s.ends_at, 'infinity');
  return v_s;
exception when invalid_datetime_format or datetime_field_overflow or invalid_text_representation
            or interval_field_overflow or numeric_value_out_of_range or invalid_parameter_value then
  raise exception 'an option of the schedule cannot be read: %', sqlerrm
    using errcode = 'TF111', hint = 'Write times as 2026-12-01T08:00+01:00 and durations as "5 minutes" or "5m".';
end
$$;
