-- The upkeep that any worker does now and then, all of it safe to do twice: partitions ahead, old
-- ones dropped, dead jobs past retention removed, rows of workers and waiters that are gone, pauses
-- that ran out, and running jobs that no claim batch leads to. Only one call works at a time; the
-- others answer NULL at once. Locks: a new partition takes the parent's for an instant, and gives up
-- after lock_timeout rather than queue everybody behind it.
create or replace function taskflow.maintain() returns jsonb
language plpgsql volatile security definer set search_path = taskflow, pg_temp set lock_timeout = '2s' as $$
declare
  v_now timestamptz := taskflow.now();
  v_ahead integer := taskflow.config('partitions_ahead')::integer;
  v_made integer;
  v_dropped integer;
  v_dead integer;
  v_workers integer;
begin
  perform taskflow.check_clock();
  if not pg_try_advisory_xact_lock(hashtext('taskflow.maintain')) then
    return null;
  end if;
  -- attempts first: settle reads and writes the two in this order, the other one would deadlock
  v_made := taskflow.add_partitions('attempt', v_ahead);
  v_dropped := taskflow.drop_partitions('attempt', v_now - taskflow.config('attempt_retention')::interval);
  v_made := v_made + taskflow.add_partitions('job_history', v_ahead);
  v_dropped := v_dropped
             + taskflow.drop_partitions('job_history', v_now - taskflow.config('history_retention')::interval);
  delete from taskflow.dead_job d
   where (d.tenant, d.id) in (
     select o.tenant, o.id from taskflow.dead_job o
      where o.finished_at < v_now - taskflow.config('dead_retention')::interval
      order by o.finished_at limit 10000 for update skip locked);
  get diagnostics v_dead = row_count;
  perform taskflow.prune_runs(v_now - taskflow.config('run_retention')::interval);
  delete from taskflow.worker w where w.lease_until < v_now - interval '1 day';
  get diagnostics v_workers = row_count;
  delete from taskflow.waiter w where w.until < v_now;
  delete from taskflow.watcher w where w.until < v_now;
  update taskflow.queue q set paused_at = null, paused_by = null, pause_reason = null, resume_at = null
   where q.resume_at <= v_now;
  -- claim trusts these rows to know whom a pause leaves out; note_queue may have left one to a
  -- transaction that rolled back. Asked first, as the join reads every job.
  if exists (select from taskflow.queue q where q.tenant = 'default' and q.paused_at is not null) then
    insert into taskflow.queue (tenant, name)
    select distinct j.tenant, j.queue
      from taskflow.queue q
      join taskflow.job j on j.queue = q.name and j.tenant <> 'default'
     where q.tenant = 'default' and q.paused_at is not null
    on conflict do nothing;
  end if;
  insert into taskflow.claim_batch (tenant, worker_id, check_at, job_ids)
  select j.tenant, j.worker_id, v_now, array_agg(j.id)
    from taskflow.job j
   where j.lease_until < v_now - interval '10 minutes' and j.state = 'running'
     and not exists (select from taskflow.claim_batch b
                      where b.tenant = j.tenant and b.worker_id = j.worker_id and j.id = any (b.job_ids))
   group by j.tenant, j.worker_id;
  return jsonb_build_object('partitions_made', v_made, 'partitions_dropped', v_dropped,
                            'dead_jobs_removed', v_dead, 'workers_forgotten', v_workers);
end
$$;
