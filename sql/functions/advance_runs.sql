-- Moves runs on after the end of jobs that are steps of theirs: succeeded, cancelled or dead. Part of the
-- transaction that settles them, whatever their number and that of the runs. What a step gives is read
-- out of history, where the settle has just put it, and only if something in its workflow reads it.
-- Locks: the runs, by their roots; see lock_runs. Internal.
create or replace function taskflow.advance_runs(tenant text, ids bigint[], ended_as text) returns void
language plpgsql volatile
-- one plan shape, whatever the statistics say: probe the primary key for each step; and made once, since
-- planning these statements anew for each set of ids would take longer than running them
set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
  v_now timestamptz := taskflow.now();
  v_ends taskflow.step_end[];
  v_jobs bigint[];
  v_is_read boolean;
begin
  if not taskflow.lock_runs(tenant, ids) then
    return;
  end if;
  -- cancelled with its run, a step has no reason of its own
  select array_agg(row(s.run_id, s.node, s.place, case ended_as when 'dead' then 'failed' else ended_as end, null,
                       case when ended_as <> 'succeeded' and r.ending is null then ended_as end)::taskflow.step_end),
         array_agg(i.id), bool_or(n.is_read)
    into v_ends, v_jobs, v_is_read
    from unnest(ids) i (id)
   cross join lateral (
     select s.run_id, s.node, s.place from taskflow.workflow_step s
      where s.tenant = advance_runs.tenant and s.job_id = i.id and s.state = 'scheduled' offset 0) s
   cross join lateral (
     select r.workflow_id, r.ending from taskflow.workflow_run r where r.tenant = advance_runs.tenant and r.id = s.run_id offset 0) r
   cross join lateral (
     select n.is_read from taskflow.workflow_node n
      where n.tenant = advance_runs.tenant and n.workflow_id = r.workflow_id and n.no = s.node offset 0) n;
  if v_ends is null then
    return;
  elsif ended_as = 'dead' then
    select array_agg(row(e.run_id, e.node, e.place, e.state, null,
                         coalesce(d.error_class || ': ' || left(d.error_message, 1000), d.reason))::taskflow.step_end)
      into v_ends
      from unnest(v_ends, v_jobs) e (run_id, node, place, state, result, error, job_id)
      left join lateral (
        select d.error_class, d.error_message, d.reason from taskflow.dead_job d
         where d.tenant = advance_runs.tenant and d.id = e.job_id offset 0) d on true;
  elsif ended_as = 'cancelled' or v_is_read then
    -- of the partitions only the one that the settle has just written to
    select array_agg(row(e.run_id, e.node, e.place, e.state, h.result, case when e.error is not null then coalesce(h.reason, e.error) end)::taskflow.step_end)
      into v_ends
      from unnest(v_ends, v_jobs) e (run_id, node, place, state, result, error, job_id)
      left join lateral (
        select f.result, f.reason from taskflow.job_history f
         where f.tenant = advance_runs.tenant and f.id = e.job_id
           and f.finished_at > v_now - interval '1 hour' and f.finished_at <= v_now + interval '1 minute'
         order by f.finished_at desc limit 1) h on true;
  end if;
  perform taskflow.end_steps(tenant, v_ends);
end
$$;
