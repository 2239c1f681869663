-- Checks a schedule before it is stored and answers it with its kind; all but whether a tick is to
-- come. Raises TF110-TF116 for its name and the options of its jobs, TF111 and TF112 for its own,
-- TF151 for its cron expression. Internal.
create or replace function taskflow.check_schedule(schedule taskflow.schedule) returns taskflow.schedule
language plpgsql volatile as $$
declare
  v_s taskflow.schedule := schedule;
  v_now timestamptz := taskflow.now();
  v_marks jsonb := jsonb_build_object('schedule', v_s.name, 'tick', taskflow.tick_text(v_now));
begin
  if v_s.name is null or v_s.name !~ '^[A-Za-z0-9_.:-]{1,200}$' then
    raise exception 'schedule name % is not valid', coalesce(quote_literal(left(v_s.name, 80)), 'NULL')
      using errcode = 'TF110', hint = 'Use 1 to 200 of A-Z a-z 0-9 _ . : -';
  end if;
  if v_s.task is null then
    raise exception 'schedule % has no task', v_s.name
      using errcode = 'TF111', hint = 'Say which task its jobs run: task => ''mail.digest''.';
  end if;
  if jsonb_typeof(v_s.meta) <> 'object' then
    raise exception 'meta must be a JSON object, got %', jsonb_typeof(v_s.meta)
      using errcode = 'TF111', hint = 'Write {"name": value}.';
  end if;
  perform taskflow.job_template(
    v_s.task, v_s.queue, taskflow.priority_name(v_s.priority), null, null, v_s.max_attempts, v_s.timeout,
    null, v_s.tags, coalesce(v_s.meta, '{}') || v_marks, v_s.tenant);
  perform taskflow.check_args(v_s.args, taskflow.config('max_args_bytes')::integer);
  if num_nonnulls(v_s.cron, v_s.every, v_s.at) <> 1 then
    raise exception 'schedule % has % of cron, every and at, it must have one', v_s.name, num_nonnulls(v_s.cron, v_s.every, v_s.at)
      using errcode = 'TF111', hint = 'Give cron => ''0 8 * * 1-5'', every => ''5 minutes'' or at => a time.';
  end if;
  v_s.kind := case when v_s.cron is not null then 'cron' when v_s.every is not null then 'interval' else 'once' end;
  v_s.time_zone := taskflow.check_time_zone(coalesce(v_s.time_zone, 'UTC'));
  if v_s.cron is not null and taskflow.cron_next(v_s.cron, v_now, v_s.time_zone) is null then
    raise exception 'cron expression % never fires', quote_literal(left(v_s.cron, 60))
      using errcode = 'TF151', hint = 'No month that it names has such a day.';
  end if;
  if v_s.every is not null then
    -- not compared as an interval: ten years are 3600 days there
    if extract(epoch from v_s.every) not between 1 and 315360000
       or extract(year from v_s.every) <> 0 or extract(month from v_s.every) <> 0 then
      raise exception 'every is %, it must be 1 second to 3650 days, without months and years', v_s.every
        using errcode = 'TF112', hint = 'For months, which differ in length, use cron => ''0 0 1 * *''.';
    end if;
    v_s.every := make_interval(secs => extract(epoch from v_s.every)::float8);
  end if;
  if v_s.at not between v_now - interval '10 years' and v_now + interval '10 years'
     or v_s.starts_at not between v_now - interval '100 years' and v_now + interval '10 years' then
    raise exception 'time % is more than ten years away', coalesce(v_s.at, v_s.starts_at)
      using errcode = 'TF112', hint = 'Leave starts_at out for a schedule that starts now.';
  end if;
  if v_s.ends_at < v_s.starts_at then
    raise exception 'ends_at % is before starts_at %', v_s.ends_at, v_s.starts_at
      using errcode = 'TF112', hint = 'Set ends_at to infinity to take it back.';
  end if;
  if v_s.jitter not between interval '0' and interval '1 day'
     or v_s.catch_up_span not between interval '0' and interval '10 years' then
    raise exception 'jitter % or catch_up_span % is out of range', coalesce(v_s.jitter::text, 'none'), coalesce(v_s.catch_up_span::text, 'none')
      using errcode = 'TF112', hint = 'Jitter is at most a day, the span at most ten years.';
  end if;
  if v_s.max_runs < 1 then
    raise exception 'max_runs is %, it must be at least 1', v_s.max_runs
      using errcode = 'TF111', hint = 'Set it to 0 for as many as come.';
  end if;
  if v_s.overlap not in ('allow', 'skip', 'queue', 'cancel_old') or v_s.catch_up not in ('none', 'last', 'all') then
    raise exception 'overlap % or catch_up % is not known', quote_literal(left(v_s.overlap, 40)), quote_literal(left(v_s.catch_up, 40))
      using errcode = 'TF111', hint = 'Overlap is allow, skip, queue or cancel_old; catch_up is none, last or all.';
  end if;
  return v_s;
end
$$;
