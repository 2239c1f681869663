-- Why a schedule is where it is: the causes in the order in which they bind, each with one sentence.
-- The first row is the answer. Raises TF150.
create or replace function taskflow.explain_schedule(name text, tenant text default null)
returns table (cause text, sentence text, detail jsonb)
language plpgsql stable security definer set search_path = taskflow, pg_temp as $$
declare
  v_now timestamptz := taskflow.now();
  v_tenant text := taskflow.tenant_of(explain_schedule.tenant);
  v_s taskflow.schedule;
  v_tick taskflow.schedule_tick;
  v_state text;
begin
  select * into v_s from taskflow.schedule s where s.tenant = v_tenant and s.name = explain_schedule.name;
  if not found then
    raise exception 'there is no schedule %', coalesce(quote_literal(left(explain_schedule.name, 80)), 'NULL')
      using errcode = 'TF150', hint = 'Run taskflow schedules list.';
  end if;
  v_state := taskflow.schedule_state(v_s, v_now);
  if v_state = 'paused' then
    return query select v_state, format('Paused by %s %s ago%s.', v_s.paused_by, date_trunc('second', v_now - v_s.paused_at), coalesce(': ' || v_s.pause_reason, '')),
      jsonb_build_object('paused_at', v_s.paused_at, 'paused_by', v_s.paused_by, 'reason', v_s.pause_reason);
  elsif v_state = 'ended' then
    return query select v_state, case
        when taskflow.is_spent(v_s) then format('It has made its %s jobs.', v_s.max_runs)
        when v_s.kind = 'once' then format('Its one time, %s, has passed.', taskflow.tick_text(v_s.at))
        else format('It ended at %s.', taskflow.tick_text(v_s.ends_at)) end,
      jsonb_build_object('runs', v_s.runs, 'max_runs', v_s.max_runs, 'ends_at', v_s.ends_at);
  elsif v_state = 'overdue' then
    return query select v_state, format('Its tick of %s is due since %s and nobody has fired it%s.', taskflow.tick_text(v_s.next_at), date_trunc('second', v_now - v_s.next_at),
        case when exists (select from taskflow.worker w where w.tenant = 'default' and w.lease_until > v_now)
             then '; the log of a worker says why' else ': no worker is alive. Start one: taskflow worker APP' end),
      jsonb_build_object('next_at', v_s.next_at);
  elsif v_s.next_at is not null then
    return query select v_state, format('The next tick is in %s, at %s, which is %s in %s.', date_trunc('second', v_s.next_at - v_now), taskflow.tick_text(v_s.next_at),
        to_char(v_s.next_at at time zone v_s.time_zone, 'YYYY-MM-DD HH24:MI:SS'), v_s.time_zone),
      jsonb_build_object('next_at', v_s.next_at, 'time_zone', v_s.time_zone);
  end if;
  if v_s.queued_at is not null then
    return query select 'queued', format('The tick of %s waits for the end of job %s.', taskflow.tick_text(v_s.queued_at), v_s.last_job_id),
      jsonb_build_object('queued_at', v_s.queued_at, 'job_id', v_s.last_job_id);
  elsif v_s.overlap <> 'allow' and taskflow.live_state(v_tenant, v_s.last_job_id) is not null then
    return query select 'overlap', format('Job %s of an earlier tick is %s: until it ends, overlap %s.', v_s.last_job_id, taskflow.live_state(v_tenant, v_s.last_job_id),
        case v_s.overlap when 'skip' then 'skips ticks' when 'queue' then 'lets one tick wait' else 'cancels it at the next tick' end),
      jsonb_build_object('job_id', v_s.last_job_id, 'overlap', v_s.overlap);
  end if;
  select * into v_tick from taskflow.schedule_tick t
   where t.tenant = v_tenant and t.schedule = v_s.name order by t.tick_at desc limit 1;
  if found then
    return query select 'last_' || v_tick.status, format('The last tick, of %s, %s%s%s.', taskflow.tick_text(v_tick.tick_at),
        case v_tick.status when 'run' then format('made job %s', v_tick.job_id) when 'queued' then 'waits' else 'was skipped' end,
        case when v_tick.status = 'run' and v_tick.late_by > interval '1 second' then format(', %s late', date_trunc('second', v_tick.late_by)) else '' end,
        coalesce(': ' || v_tick.reason, '')),
      jsonb_build_object('tick_at', v_tick.tick_at, 'status', v_tick.status, 'reason', v_tick.reason, 'job_id', v_tick.job_id, 'late_by_s', extract(epoch from v_tick.late_by));
  end if;
  if taskflow.schedule_orphaned(v_s) then
    return query select 'not_declared', format('No live worker declares it any more; it was last declared %s ago. taskflow schedules delete %s removes it.', date_trunc('second', v_now - v_s.declared_at), v_s.name),
      jsonb_build_object('declared_at', v_s.declared_at);
  end if;
end
$$;
