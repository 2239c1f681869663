-- Checks a schedule and writes it over `old`, as open_schedule answered that one; its next tick is
-- computed anew, never before one that was dealt with already. Answers what is stored. Locks: its row.
-- Raises what check_schedule does, TF112 when no tick is to come, TF122 at max_schedules. Internal.
create or replace function taskflow.save_schedule(schedule taskflow.schedule, old taskflow.schedule)
returns taskflow.schedule
language plpgsql volatile as $$
declare
  v_now timestamptz := taskflow.now();
  v_s taskflow.schedule := taskflow.check_schedule(schedule);
  v_is_new boolean := old.created_at is null;
  v_is_timed_anew boolean := v_is_new or
    (v_s.cron, v_s.every, v_s.at, v_s.time_zone, v_s.starts_at, v_s.ends_at)
    is distinct from (old.cron, old.every, old.at, old.time_zone, old.starts_at, old.ends_at);
begin
  if v_is_new and (select count(*) from taskflow.schedule s where s.tenant = v_s.tenant)
                  >= taskflow.config('max_schedules')::bigint then
    raise exception 'tenant % has % schedules, the limit is reached', v_s.tenant, taskflow.config('max_schedules')
      using errcode = 'TF122', hint = 'Delete some, or raise max_schedules in taskflow.config.';
  end if;
  if v_is_new then
    v_s.created_at := v_now;
    v_s.created_by := taskflow.caller();
  end if;
  v_s.updated_at := v_now;
  v_s.updated_by := taskflow.caller();
  v_s.anchor_at := case when (v_s.every, v_s.starts_at) is not distinct from (old.every, old.starts_at)
                        then coalesce(old.anchor_at, date_trunc('second', v_now))
                        else coalesce(v_s.starts_at, date_trunc('second', v_now)) end;
  if v_is_timed_anew or old.paused_at is null then
    v_s.next_at := taskflow.tick_after(v_s, greatest(v_now, old.last_tick_at));
  end if;
  if v_s.next_at is null and v_is_timed_anew and not v_s.declared then
    raise exception 'schedule % has no tick to come', v_s.name
      using errcode = 'TF112', hint = format('Its time, or its end, must lie after %s.', date_trunc('second', v_now));
  end if;
  if taskflow.is_spent(v_s) then
    v_s.next_at := null;
  end if;
  insert into taskflow.schedule as s select v_s.*
  on conflict on constraint schedule_pkey do update
     set task = excluded.task, args = excluded.args, queue = excluded.queue, priority = excluded.priority,
         max_attempts = excluded.max_attempts, timeout = excluded.timeout, tags = excluded.tags,
         meta = excluded.meta, kind = excluded.kind, cron = excluded.cron, every = excluded.every,
         at = excluded.at, time_zone = excluded.time_zone, jitter = excluded.jitter,
         starts_at = excluded.starts_at, ends_at = excluded.ends_at, max_runs = excluded.max_runs,
         overlap = excluded.overlap, catch_up = excluded.catch_up, catch_up_span = excluded.catch_up_span,
         anchor_at = excluded.anchor_at, next_at = excluded.next_at, declared = excluded.declared,
         declared_at = excluded.declared_at, declaration_hash = excluded.declaration_hash,
         updated_by = excluded.updated_by, updated_at = excluded.updated_at;
  return v_s;
end
$$;
