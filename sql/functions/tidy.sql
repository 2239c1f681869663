-- The part of upkeep that is about rows: see maintain. Waits for nobody: rows that others hold are left
-- to a later call. Internal.
create or replace function taskflow.tidy(at_time timestamptz) returns jsonb
language plpgsql volatile as $$
declare
  v_dead integer;
  v_workers integer;
  v_ticks integer;
  v_swept bigint;
  v_tenants text[];
  v_queues text[];
begin
  with old as materialized (
    select d.ctid as place from taskflow.dead_job d
     where d.finished_at < at_time - taskflow.config('dead_retention')::interval
     order by d.finished_at limit 10000 for update skip locked)
  delete from taskflow.dead_job d using old o where d.ctid = o.place;
  get diagnostics v_dead = row_count;
  -- days that never got a partition
  with old as materialized (
    select a.ctid as place from taskflow.attempt_default a
     where a.finished_at < at_time - taskflow.config('attempt_retention')::interval limit 10000 for update skip locked)
  delete from taskflow.attempt_default a using old o where a.ctid = o.place;
  with old as materialized (
    select h.ctid as place from taskflow.job_history_default h
     where h.finished_at < at_time - taskflow.config('history_retention')::interval limit 10000 for update skip locked)
  delete from taskflow.job_history_default h using old o where h.ctid = o.place;
  with old as materialized (
    select l.ctid as place from taskflow.job_log_default l
     where l.written_at < at_time - taskflow.config('log_retention')::interval limit 10000 for update skip locked)
  delete from taskflow.job_log_default l using old o where l.ctid = o.place;
  with gone as materialized (
    select w.ctid as place from taskflow.worker w
     where w.lease_until < at_time - interval '1 day' for update skip locked)
  delete from taskflow.worker w using gone g where w.ctid = g.place;
  get diagnostics v_workers = row_count;
  with gone as materialized (select w.ctid as place from taskflow.waiter w where w.until < at_time for update skip locked)
  delete from taskflow.waiter w using gone g where w.ctid = g.place;
  with gone as materialized (select w.ctid as place from taskflow.watcher w where w.until < at_time for update skip locked)
  delete from taskflow.watcher w using gone g where w.ctid = g.place;
  with over as materialized (select q.ctid as place from taskflow.queue q where q.resume_at <= at_time for update skip locked),
  resumed as (
    update taskflow.queue q set paused_at = null, paused_by = null, pause_reason = null, resume_at = null
      from over o where q.ctid = o.place
    returning q.tenant, q.name)
  select array_agg(r.tenant), array_agg(r.name) into v_tenants, v_queues from resumed r;
  perform taskflow.tell_event(r.tenant, 'queue.resumed', jsonb_build_object('queue', r.name), r.name)
     from unnest(v_tenants, v_queues) r (tenant, name);
  -- claim trusts these rows to know whom a pause leaves out; note_queue may have left one to a
  -- transaction that rolled back. Asked first, as the join reads every job.
  if exists (select from taskflow.queue q where q.tenant = 'default' and q.paused_at is not null) then
    perform taskflow.note_queue(n.tenant, n.queue)
       from (select distinct j.tenant, j.queue
               from taskflow.queue q
               join taskflow.job j on j.queue = q.name and j.tenant <> 'default'
              where q.tenant = 'default' and q.paused_at is not null) n
      where not exists (select from taskflow.queue k where k.tenant = n.tenant and k.name = n.queue);
  end if;
  -- suspected at once, as their leases ran out long ago; renew leaves suspected batches to the reaper
  insert into taskflow.claim_batch (tenant, worker_id, check_at, suspected_at, job_ids)
  select j.tenant, j.worker_id, at_time, at_time, array_agg(j.id)
    from taskflow.job j
   where j.lease_until < at_time - interval '10 minutes' and j.state = 'running'
     and not exists (select from taskflow.claim_batch b
                      where b.tenant = j.tenant and b.worker_id = j.worker_id and j.id = any (b.job_ids))
   group by j.tenant, j.worker_id;
  perform taskflow.prune_ties(at_time), taskflow.prune_operations(at_time), taskflow.prune_stats(at_time),
          taskflow.prune_access(at_time), taskflow.measure_tenants(at_time), taskflow.prune_webhooks(at_time);
  perform taskflow.prune_runs(at_time - taskflow.config('run_retention')::interval);
  v_ticks := taskflow.prune_ticks(at_time);
  v_swept := taskflow.sweep_records(at_time);
  return jsonb_build_object('dead_jobs_removed', v_dead, 'workers_forgotten', v_workers, 'ticks_removed', v_ticks,
                            'records_swept', v_swept, 'more', v_swept >= 50000);
end
$$;
