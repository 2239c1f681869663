-- Extends the leases of running jobs, and the worker's own: a worker calls it every third of a
-- lease, also with nothing running. Answers only what the worker must act on: 'lost' (another claim
-- or the reaper took the job: stop, its settle will be refused), 'cancel' (asked to stop) and 'locked'
-- (its lease was not extended and runs on from before). A job may be both of the last two. A row of id 0
-- says 'drain', to workers whose report has a state: somebody asked it to stop in good order, and it does not yet.
--
-- With `up_to_batch` the arrays are a roll-call: they name all jobs still running among the claims
-- up to that batch, so their claim_batch rows shrink to one; not those up to `after_batch`, in which
-- a job may be that the worker has given up or never heard of. Without `up_to_batch`
-- the rows stay as they are: the reaper looks at each once a lease and moves it on. Moved on here, a
-- job that is not renewed would hide behind those of its batch that are.
-- `report` carries the worker's own figures for its row: running, finished, failed, stale,
-- memory_bytes, listening, state, unknown_tasks. Raises TF140 when the worker is not registered,
-- TF112 for a lease outside 100 ms to 10 min.
-- The new lease counts from now, never from the old one: that would freeze a clock's leap back.
-- A row that somebody else has locked (its settle inside a long transaction, an operator's open
-- cancel) is passed over, not waited for: one such row would let all other leases run out, and
-- renewals and settles that take the same rows in different orders would deadlock. It is answered as
-- 'locked': a worker that believed it extended could go on after the lease has run out.
create or replace function taskflow.renew(
  worker_id bigint,
  ids bigint[],
  claim_nos bigint[],
  lease interval default '30 seconds',
  tenants text[] default null,
  up_to_batch bigint default null,
  report jsonb default null,
  after_batch bigint default null
) returns table (id bigint, claim_no bigint, verdict text)
language plpgsql volatile security definer set search_path = taskflow, pg_temp
-- one plan shape, whatever the statistics say: probe the primary key for each id (see settle_many). A plan
-- made and kept while the table was small would read all of it when it is large.
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
#variable_conflict use_column
declare
  v_now timestamptz := taskflow.now();
  v_must_drain boolean;
begin
  perform taskflow.check_lease(lease);
  update taskflow.worker w
     set lease_until = v_now + lease, renewed_at = v_now,
         running = coalesce((report ->> 'running')::integer, w.running),
         finished = coalesce((report ->> 'finished')::bigint, w.finished),
         failed = coalesce((report ->> 'failed')::bigint, w.failed),
         stale = coalesce((report ->> 'stale')::bigint, w.stale),
         memory_bytes = coalesce((report ->> 'memory_bytes')::bigint, w.memory_bytes),
         listening = coalesce((report ->> 'listening')::boolean, w.listening),
         state = case when w.state = 'draining' then w.state else coalesce(report ->> 'state', w.state) end,
         unknown_tasks = case when report ? 'unknown_tasks'
           then array(select jsonb_array_elements_text(report -> 'unknown_tasks')) else w.unknown_tasks end
   where w.tenant = 'default' and w.id = renew.worker_id
  returning w.state = 'draining' and report ->> 'state' <> 'draining' into v_must_drain;
  if not found then
    raise exception 'worker % is not registered', renew.worker_id
      using errcode = 'TF140', hint = 'Call taskflow.join_worker() and use the id it answers.';
  end if;
  with held as materialized (
    select j.tenant, j.id
      from unnest(ids, claim_nos, tenants) g (id, claim_no, tenant)
      join taskflow.job j on j.tenant = any (array[coalesce(g.tenant, 'default')]) and j.id = g.id
                         and j.claim_no = g.claim_no and j.lease_until is not null
       -- passes a step's lock, which keeps off other claims only
       for no key update of j skip locked)
  update taskflow.job j set lease_until = v_now + lease
    from held h
   where j.tenant = any (array[h.tenant]) and j.id = h.id;
  -- A statement of its own, with its own snapshot: it sees what a reaper committed meanwhile.
  return query
    select g.id, g.claim_no, v.verdict
      from unnest(ids, claim_nos, tenants) g (id, claim_no, tenant)
      left join taskflow.job j on j.tenant = any (array[coalesce(g.tenant, 'default')]) and j.id = g.id
                              and j.claim_no = g.claim_no and j.lease_until is not null
     cross join lateral (values ('lost', j.id is null), ('cancel', j.cancel_requested),
                                ('locked', j.lease_until <> v_now + lease)) v (verdict, holds)
     where v.holds
     union all
    select 0, 0, 'drain' where v_must_drain;
  if up_to_batch is not null then
    -- Batches that a reaper holds, or suspects, are its own: they stay, and with them what leads to their
    -- jobs. A tenant's merged batch takes the place of one that went; where none went, no lead is missing.
    with mine as materialized (
      select b.ctid as place from taskflow.claim_batch b
       where b.worker_id = renew.worker_id and b.id <= up_to_batch and b.id > coalesce(after_batch, 0)
         and b.suspected_at is null
         for update skip locked),
    gone as (
      delete from taskflow.claim_batch b using mine m where b.ctid = m.place returning b.tenant, b.id),
    free as (
      select g.tenant, max(g.id) as id from gone g group by g.tenant)
    insert into taskflow.claim_batch (id, tenant, worker_id, check_at, job_ids)
    select f.id, f.tenant, renew.worker_id, v_now + lease, array_agg(g.id)
      from free f
      join unnest(ids, tenants) g (id, tenant) on coalesce(g.tenant, 'default') = f.tenant
     group by f.id, f.tenant;
  end if;
end
$$;
