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
  v_live taskflow.job;
  v_is_suspect boolean;
  v_first bigint;
  v_is_back boolean := false;
  v_retry text;
  v_pause taskflow.queue;
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
             v_job.attempt, v_job.max_attempts, rtrim(coalesce(': ' || coalesce(v_job.error_class || ': ' || left(v_job.error_message, 200), v_job.reason), ''), '. ')),
      jsonb_build_object('finished_at', v_job.finished_at, 'reason', v_job.reason, 'fingerprint', v_job.fingerprint,
        'way_out', case when v_job.state <> 'succeeded' then format('taskflow jobs retry %s  # run it again', v_job.id) end);
    return query select * from taskflow.explain_ties(explain.id, explain.tenant);
    return;
  end if;
  if v_job.state = 'running' then
    return query select r.cause, concat_ws(' ', r.sentence, p.said), r.detail || coalesce(p.detail, '{}')
      from taskflow.explain_running(v_job.worker_id, v_job.started_at, v_job.lease_until, v_job.cancel_requested, v_now, v_job.id) r cross join taskflow.progress_said(v_job.tenant, v_job.id, v_job.claim_no, v_now) p;
    return query select * from taskflow.explain_ties(explain.id, explain.tenant);
    return;
  end if;
  v_retry := format('taskflow jobs retry %s', v_job.id);
  if v_job.run_at > v_now then
    -- a claim that left no attempt behind was given back with a delay: its worker does not know the task
    v_is_back := v_job.claim_no > 0
      and not exists (select from taskflow.attempt a
                       where a.tenant = v_job.tenant and a.job_id = v_job.id and a.claim_no = v_job.claim_no)
      and exists (select from taskflow.worker w
                   where w.tenant = 'default' and w.lease_until > v_now and v_job.queue = any (w.queues)
                     and v_job.task <> all (w.tasks));
    if v_is_back then
      return query select * from taskflow.explain_workers(v_job.queue, v_job.task, v_now);
      v_is_held := found;
    end if;
    return query select v_job.state,
      case when v_is_back
        then format('A worker that does not know task %s gave it back; it is offered again in %s.', v_job.task, taskflow.span_text(v_job.run_at - v_now))
        when v_job.lost > 0
        then format('Its worker died while it ran, for the %s. time in a row; it starts again in %s.', v_job.lost, taskflow.span_text(v_job.run_at - v_now))
        when v_job.state = 'retrying'
        then format('Attempt %s of %s failed; the next one starts in %s.', v_job.attempt, v_job.max_attempts, taskflow.span_text(v_job.run_at - v_now))
        else format('Scheduled: due in %s, at %s.', taskflow.span_text(v_job.run_at - v_now), to_char(v_job.run_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS"Z"')) end,
      jsonb_build_object('run_at', v_job.run_at, 'way_out', case when not v_is_held then v_retry || '  # run it now' end);
  end if;
  select * into v_live from taskflow.job j where j.tenant = v_job.tenant and j.id = v_job.id;
  v_is_suspect := v_live.lost > 0 and v_live.priority >= 10 and v_live.lane_id is null and v_live.waits_for is null;
  if v_is_suspect then
    v_is_held := true;
    select s.id into v_first from taskflow.job s
     where s.queue = v_job.queue and s.lost > 0 and s.lane_id is null and taskflow.is_suspect(s.lost)
     order by s.priority, s.id limit 1;
    return query select 'suspect',
      format('Its worker died %s times in a row while it ran; it waits to run without other suspects%s.', v_job.lost,
             case when v_first <> v_job.id then format(': job %s comes first', v_first) else '' end),
      jsonb_build_object('lost', v_job.lost, 'max_lost', taskflow.config('max_lost')::integer, 'first', v_first,
                         'way_out', format('taskflow jobs cancel %s', v_job.id));
  end if;
  if v_job.deadline <= v_now then
    return query select 'expired', 'Its deadline to start has passed; the next reap moves it to the dead-letter queue.',
      jsonb_build_object('deadline', v_job.deadline, 'way_out', v_retry || '  # once it is there: run it without the deadline');
  end if;
  return query select * from taskflow.explain_parents(v_job.tenant, v_job.id);
  v_is_held := v_is_held or found;
  select * into v_pause from taskflow.queue q
   where q.tenant = v_job.tenant and q.name = v_job.queue and q.paused_at is not null
     and (q.resume_at is null or q.resume_at > v_now);
  if found then
    v_is_held := true;
    return query select 'queue_paused', format('Queue %s was paused by %s %s ago%s.', v_job.queue, v_pause.paused_by, taskflow.span_text(v_now - v_pause.paused_at), rtrim(coalesce(': ' || v_pause.pause_reason, ''), '. ')),
      jsonb_build_object('paused_at', v_pause.paused_at, 'paused_by', v_pause.paused_by, 'reason', v_pause.pause_reason, 'resume_at', v_pause.resume_at,
        'way_out', format('taskflow queues resume %s', v_job.queue));
  end if;
  if not v_is_back then
    return query select * from taskflow.explain_workers(v_job.queue, v_job.task, v_now);
    v_is_held := v_is_held or found or coalesce(v_job.deadline <= v_now, false);
  end if;
  if v_live.lane_id is not null and v_live.waits_for is null and v_job.run_at <= v_now then
    return query select * from taskflow.explain_lane(v_live, v_now);
    v_is_held := v_is_held or found;
  end if;
  if v_job.run_at <= v_now and v_live.waits_for is null and not v_is_suspect then
    return query select * from taskflow.explain_turn(v_live, v_now);
    if not found and not v_is_held then
      return query select 'should_run', 'Nothing else holds it: a worker with a free slot takes it within its poll interval, 1 s by default.', jsonb_build_object('due_since', v_job.run_at, 'way_out', 'taskflow doctor  # if it stays like this');
    end if;
  end if;
  return query select * from taskflow.explain_ties(explain.id, explain.tenant);
end
$$;
