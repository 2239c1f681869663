-- explain's part for a running job: where, since when, and whether its worker is still there. Internal.
-- Every parameter is qualified: a bare started_at or lease_until would be the worker's.
create or replace function taskflow.explain_running(
  worker_id bigint, started_at timestamptz, lease_until timestamptz, cancel_requested boolean, at_time timestamptz,
  job_id bigint
) returns table (cause text, sentence text, detail jsonb)
language sql stable as $$
  select case when explain_running.lease_until < at_time then 'lease_expired' else 'running' end,
         format('Running for %s on worker %s%s%s.', taskflow.span_text(at_time - explain_running.started_at),
                coalesce(w.name, '?') || ' (' || explain_running.worker_id || ')',
                case when explain_running.lease_until < at_time then
                  format('; its lease ran out %s ago, so the worker is lost or stuck and the reaper will take the job back',
                         taskflow.span_text(at_time - explain_running.lease_until))
                else format(', whose last heartbeat was %s ago', taskflow.span_text(at_time - h.renewed_at)) end,
                case when explain_running.cancel_requested then '; asked to stop' else '' end),
         jsonb_build_object('worker_id', explain_running.worker_id, 'worker', w.name, 'host', w.host, 'pid', w.pid,
                            'started_at', explain_running.started_at, 'heartbeat_at', h.renewed_at,
                            'lease_until', explain_running.lease_until,
                            'way_out', case when explain_running.lease_until < at_time
                                              then 'taskflow workers list  # a live one takes it back within seconds'
                                            when explain_running.cancel_requested
                                              then 'taskflow workers list  # a handler that does not stop ends with its worker'
                                            else format('taskflow jobs cancel %s  # ask it to stop', job_id) end)
    from (select 1) one
    left join taskflow.worker w on w.tenant = 'default' and w.id = explain_running.worker_id
   cross join lateral (select greatest(w.renewed_at, explain_running.started_at) as renewed_at) h
$$;
