-- Every schedule with its state, its times in words and its last tick. For reading; the functions that
-- fire never use it.
create or replace view taskflow.schedule_view with (security_invoker = true) as
  select s.tenant, s.name, taskflow.schedule_state(s, taskflow.now()) as state, s.task, s.kind,
         case s.kind when 'cron' then s.cron when 'interval' then 'every ' || s.every else 'at ' || taskflow.tick_text(s.at) end as times,
         s.time_zone, s.next_at, s.queued_at, s.last_tick_at, t.status as last_status, t.reason as last_reason,
         t.late_by as last_late_by, s.last_job_id, s.runs, s.max_runs, s.overlap, s.catch_up, s.catch_up_span,
         s.jitter, s.starts_at, s.ends_at, s.queue, taskflow.priority_name(s.priority) as priority,
         s.max_attempts, s.timeout, s.tags, s.args, s.meta, s.paused_at, s.paused_by, s.pause_reason,
         s.declared, s.declared_at, taskflow.schedule_orphaned(s) as is_orphaned,
         s.created_by, s.created_at, s.updated_by, s.updated_at
    from taskflow.schedule s
    left join lateral (
      select * from taskflow.schedule_tick k
       where k.tenant = s.tenant and k.schedule = s.name order by k.tick_at desc limit 1) t on true;
