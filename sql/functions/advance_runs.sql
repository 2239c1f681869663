-- Moves runs on after the end of jobs that are steps of theirs: succeeded, cancelled or dead. Part of the
-- transaction that settles them, whatever their number and that of the runs. What a step gives is read
-- out of history, where the settle has just put it, and only if something in its workflow reads it.
-- Locks: the runs, by their roots; see lock_runs. Internal.
create or replace function taskflow.advance_runs(tenant text, ids bigint[], ended_as text) returns void
language plpgsql volatile
-- one plan shape, whatever the statistics say: probe the primary key for each step
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
  v_now timestamptz := taskflow.now();
  v_ends taskflow.step_end[];
begin
  if not taskflow.lock_runs(tenant, ids) then
    return;
  end if;
  select array_agg(row(
           s.run_id, s.node, s.place, case ended_as when 'dead' then 'failed' else ended_as end, h.result,
           case ended_as
             when 'dead' then coalesce(d.error_class || ': ' || left(d.error_message, 1000), d.reason)
             -- cancelled with its run, it has no reason of its own
             when 'cancelled' then case when r.ending is null then coalesce(h.reason, 'cancelled') end end)::taskflow.step_end
         order by s.run_id, s.node, s.place)
    into v_ends
    from unnest(ids) i (id)
    join taskflow.workflow_step s on s.tenant = advance_runs.tenant and s.job_id = i.id and s.state = 'scheduled'
    join taskflow.workflow_run r on r.tenant = s.tenant and r.id = s.run_id
    join taskflow.workflow_node n on n.tenant = r.tenant and n.workflow_id = r.workflow_id and n.no = s.node
    left join lateral (
      select f.result, f.reason from taskflow.job_history f
       where f.tenant = s.tenant and f.id = i.id and f.finished_at > v_now - interval '1 hour' and f.finished_at <= v_now + interval '1 minute'
         and ((n.is_read and ended_as = 'succeeded') or ended_as = 'cancelled')
       order by f.finished_at desc limit 1) h on true
    left join taskflow.dead_job d on ended_as = 'dead' and d.tenant = s.tenant and d.id = i.id;
  if v_ends is not null then
    perform taskflow.end_steps(tenant, v_ends);
  end if;
end
$$;
