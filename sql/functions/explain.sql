-- Why a job is where it is: the causes in the order in which they bind, each with one sentence, and
-- what would change it. The first row is the answer; the rest is what stands behind it.
create or replace function taskflow.explain(id bigint, tenant text default null)
returns table (cause text, sentence text, detail jsonb)
language plpgsql stable security definer set search_path = taskflow, pg_temp as $$
#variable_conflict use_column
declare
  v_now timestamptz := taskflow.now();
  v_job record;
  v_is_held boolean := false;
  v_pause taskflow.queue;
  v_ahead bigint;
  v_rate numeric;
begin
  select v.* into v_job from taskflow.get_job(explain.id, explain.tenant) v;
  if not found and exists (select from taskflow.get_run(explain.id, explain.tenant)) then
    return query select * from taskflow.explain_run(explain.id, null, explain.tenant);
    return;
  elsif v_job.id is null then
    return query select 'not_found', format('Job %s is not known: it was never committed, or its retention is over.', explain.id), null::jsonb;
    return;
  end if;
  if v_job.finished_at is not null then
    return query select v_job.state,
      format('%s at %s on attempt %s of %s%s.', initcap(v_job.state), to_char(v_job.finished_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS"Z"'),
             v_job.attempt, v_job.max_attempts, coalesce(': ' || coalesce(v_job.error_class || ': ' || left(v_job.error_message, 200), v_job.reason), '')),
      jsonb_build_object('finished_at', v_job.finished_at, 'reason', v_job.reason, 'fingerprint', v_job.fingerprint);
    return query select * from taskflow.explain_ties(explain.id, explain.tenant);
    return;
  end if;
  if v_job.state = 'running' then
    return query select * from taskflow.explain_running(v_job.worker_id, v_job.started_at, v_job.lease_until, v_job.cancel_requested, v_now);
    return query select * from taskflow.explain_ties(explain.id, explain.tenant);
    return;
  end if;
  if v_job.run_at > v_now then
    return query select v_job.state,
      case v_job.state when 'retrying'
        then format('Attempt %s of %s failed; the next one starts in %s.', v_job.attempt, v_job.max_attempts, date_trunc('second', v_job.run_at - v_now))
        else format('Scheduled: due in %s, at %s.', date_trunc('second', v_job.run_at - v_now), to_char(v_job.run_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS"Z"')) end,
      jsonb_build_object('run_at', v_job.run_at);
  end if;
  if v_job.deadline <= v_now and v_job.attempt = 0 then
    return query select 'expired', 'Its deadline to start has passed; the next reap moves it to the dead-letter queue.', jsonb_build_object('deadline', v_job.deadline);
  end if;
  select * into v_pause from taskflow.queue q
   where q.tenant = v_job.tenant and q.name = v_job.queue and q.paused_at is not null
     and (q.resume_at is null or q.resume_at > v_now);
  if found then
    v_is_held := true;
    return query select 'queue_paused', format('Queue %s was paused by %s %s ago%s.', v_job.queue, v_pause.paused_by, date_trunc('second', v_now - v_pause.paused_at), coalesce(': ' || v_pause.pause_reason, '')),
      jsonb_build_object('paused_at', v_pause.paused_at, 'paused_by', v_pause.paused_by, 'reason', v_pause.pause_reason, 'resume_at', v_pause.resume_at);
  end if;
  return query select * from taskflow.explain_workers(v_job.queue, v_job.task, v_now);
  v_is_held := v_is_held or found or coalesce(v_job.deadline <= v_now, false);
  if v_job.run_at <= v_now then
    select count(*) into v_ahead from (
      select from taskflow.job j
       where j.queue = v_job.queue and j.state = 'ready' and j.run_at <= v_now
         and (j.priority < taskflow.priority_no(v_job.priority)
              or (j.priority = taskflow.priority_no(v_job.priority) and (j.run_at, j.id) < (v_job.run_at, v_job.id)))
       limit 10001) a;
    -- from the jobs that were enqueued last: finished_at has no index, and needs none for this
    select count(*) filter (where f.queue = v_job.queue)
           / greatest(extract(epoch from v_now - min(f.finished_at)), 1) into v_rate
      from (select h.queue, h.finished_at from taskflow.job_history h
             where h.tenant = v_job.tenant order by h.id desc limit 1000) f
     where f.finished_at > v_now - interval '10 minutes';
    if v_ahead > 0 then
      return query select 'behind_others', format('%s jobs of queue %s come first%s.', case when v_ahead > 10000 then 'More than 10,000' else v_ahead::text end, v_job.queue,
          case when v_rate > 0 then format(', about %s s at the latest rate', ceil(v_ahead / v_rate)) else '' end),
        jsonb_build_object('ahead', v_ahead, 'per_second', round(v_rate, 2));
    end if;
    if v_ahead = 0 and not v_is_held then
      return query select 'should_run', 'Nothing else holds it: a worker with a free slot takes it within its poll interval, 1 s by default.', jsonb_build_object('due_since', v_job.run_at);
    end if;
  end if;
  return query select * from taskflow.explain_ties(explain.id, explain.tenant);
end
$$;
