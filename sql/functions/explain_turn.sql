-- What explain says of a due job behind which others of the ready line stand: how many come first, and how
-- long that takes at the latest rate. Internal.
create or replace function taskflow.explain_turn(job taskflow.job, at_time timestamptz)
returns table (cause text, sentence text, detail jsonb)
language plpgsql stable as $$
declare
  v_ahead bigint;
  v_rate numeric;
begin
  select count(*) into v_ahead from (
    select from taskflow.job j
     where job.lane_id is null and j.queue = job.queue and j.state = 'ready' and j.run_at <= at_time
       and (j.priority < job.priority or (j.priority = job.priority and (j.run_at, j.id) < (job.run_at, job.id)))
     limit 10001) a;
  if v_ahead = 0 then
    return;
  end if;
  -- from the jobs that were enqueued last: finished_at has no index, and needs none for this
  select count(*) filter (where f.queue = job.queue)
         / greatest(extract(epoch from at_time - min(f.finished_at)), 1) into v_rate
    from (select h.queue, h.finished_at from taskflow.job_history h
           where h.tenant = job.tenant order by h.id desc limit 1000) f
   where f.finished_at > at_time - interval '10 minutes';
  return query select 'behind_others',
    format('%s of queue %s %s first%s.',
           case when v_ahead > 10000 then 'More than 10,000 jobs' when v_ahead = 1 then '1 job' else to_char(v_ahead, 'FM99,999') || ' jobs' end,
           job.queue, case when v_ahead = 1 then 'comes' else 'come' end,
           case when v_rate > 0 then format(', about %s at the latest rate', taskflow.span_text(make_interval(secs => ceil(v_ahead / v_rate)::double precision))) else '' end),
    jsonb_build_object('ahead', v_ahead, 'per_second', round(v_rate, 2),
      'way_out', format('taskflow worker APP -q %s  # more slots or workers', job.queue));
end
$$;
