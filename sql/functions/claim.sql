-- Takes up to slots[i] due jobs of queues[i], in order of priority, run time and id, and gives the
-- caller the right to settle them for `lease`. claim_no is that right's name: +1 at each claim.
--
-- `after` makes the claim walk instead of search: {"queue": {"2": ["run_at", id]}} says where the last claim of
-- this worker ended for a queue and a priority number (0 critical ... 3 low), and the walk starts behind it, past
-- what earlier claims left in the index. Rows can appear before it: claim without `after` once a second.
-- `refuse` names tasks, or versions of them as task@2, that the caller cannot run: they are passed by.
-- All queues together get no more than at_most, those for which is_shared[i] is true no more than `shared`.
--
-- One row in claim_batch stands for all jobs of the call: it leads `reap` to them if they are lost.
-- Priorities are strict, but for one claim in twenty (config starving_share): that one first takes jobs
-- that are due for over a minute (starving_after), of the lowest priority first.
-- Jobs under limits come from their lanes, before the others and after them by turns.
-- A claim is a HOT update (see table job). Locks: the rows taken; skips rows locked by others.
-- Raises TF140 when the worker is not registered, TF111 for queues or slots that are no plain lists,
-- TF112 for a lease outside 100 ms to 10 min.
create or replace function taskflow.claim(
  worker_id bigint,
  queues text[] default '{default}',
  slots integer[] default '{1}',
  lease interval default '30 seconds',
  priorities smallint[] default '{0,1,2,3}',
  after jsonb default null,
  refuse text[] default null,
  at_most integer default null, shared integer default null, is_shared boolean[] default null
) returns table (
  id bigint, claim_no bigint, tenant text, queue text, task text, args jsonb, attempt smallint,
  max_attempts smallint, lost smallint, priority smallint, run_at timestamptz, lease_until timestamptz,
  timeout interval, created_at timestamptz, tags text[], meta jsonb, batch_id bigint, lane_id bigint, args_version smallint
)
language plpgsql volatile security definer set search_path = taskflow, pg_temp
-- one plan shape, whatever the statistics say: walk job_ready in its order
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
as $$
#variable_conflict use_column
declare
  v_now timestamptz := taskflow.now();
  v_lease_until timestamptz := v_now + lease;
  v_batch bigint := nextval('taskflow.claim_batch_id_seq');
  v_queue text;
  v_priority smallint;
  v_left integer;
  v_most integer := at_most; v_shared integer := shared;
  v_lanes constant smallint := -1; v_starving constant smallint := 20;
  v_patience interval := taskflow.config('starving_after')::interval;
  v_until timestamptz;
  v_count integer; v_from jsonb;
  v_paused text[];
  v_places tid[];
begin
  if not exists (select from taskflow.worker w where w.tenant = 'default' and w.id = claim.worker_id) then
    raise exception 'worker % is not registered', claim.worker_id
      using errcode = 'TF140', hint = 'Call taskflow.join_worker() first and use the id it answers.';
  end if;
  perform taskflow.check_lease(lease);
  if not (taskflow.is_list(queues) and taskflow.is_list(slots)) then
    raise exception 'queues and slots must be plain lists'
      using errcode = 'TF111', hint = 'Give arrays of one dimension, counted from 1.';
  end if;
  for i in 1 .. coalesce(cardinality(queues), 0) loop
    v_queue := queues[i];
    v_left := least(coalesce(slots[i], slots[1], 0), 10000, v_most, case when is_shared[i] then v_shared end);
    v_paused := array(select q.tenant from taskflow.queue q
                       where q.name = v_queue and q.paused_at is not null
                         and (q.resume_at is null or q.resume_at > v_now));
    -- enqueue keeps a row for each tenant but 'default', so this knows when nobody is left to serve
    continue when 'default' = any (v_paused) and not exists (
      select from taskflow.queue q
       where q.name = v_queue and q.tenant <> 'default' and q.tenant <> all (v_paused));
    foreach v_priority in array taskflow.claim_lines(v_queue, priorities, v_batch, v_now) loop
      exit when v_left <= 0;
      v_places := case when v_priority = v_lanes
                       then taskflow.take_from_lanes(v_queue, priorities, v_left, v_now, v_paused) end;
      v_until := v_now - case when v_priority >= v_starving then v_patience else interval '0' end;
      v_priority := v_priority % v_starving;
      v_from := after -> v_queue -> v_priority::text;
      return query
        with picked as materialized (
          select p as place from unnest(v_places) p
           union all
          select w.place from (
            select j.ctid as place
              from taskflow.job j
             where j.queue = v_queue and j.priority = v_priority
               and (j.run_at, j.id) > (coalesce((v_from ->> 0)::timestamptz, '-infinity'),
                                       coalesce((v_from ->> 1)::bigint, 0))
               and j.run_at <= v_until
               and j.state = 'ready'
               and (j.deadline is null or j.deadline > v_now)
               and j.tenant <> all (v_paused)
               and (refuse is null or (j.task <> all (refuse) and coalesce(j.task || '@' || j.args_version <> all (refuse), true)))
             order by j.run_at, j.id
             limit v_left
               for update skip locked) w),
        claimed as (
          update taskflow.job j
             set state = 'running', claim_no = j.claim_no + 1, attempt = j.attempt + 1,
                 lease_until = v_lease_until, started_at = v_now, worker_id = claim.worker_id
            from picked p
           where j.ctid = p.place
          returning j.id, j.claim_no, j.tenant, j.queue, j.task, j.args, j.attempt, j.max_attempts,
                    j.lost, (j.priority % 10)::smallint as priority, j.run_at, j.lease_until, j.timeout,
                    j.created_at, j.tags, j.meta, j.lane_id, j.args_version),
        noted as (
          insert into taskflow.claim_batch (id, tenant, worker_id, check_at, job_ids)
          select v_batch, c.tenant, claim.worker_id, v_lease_until, array_agg(c.id)
            from claimed c group by c.tenant
          on conflict (tenant, id) do update set job_ids = claim_batch.job_ids || excluded.job_ids)
        select c.id, c.claim_no, c.tenant, c.queue, c.task, c.args, c.attempt, c.max_attempts, c.lost,
               c.priority, c.run_at, c.lease_until, c.timeout, c.created_at, c.tags, c.meta, v_batch, c.lane_id,
               c.args_version
          from claimed c;
      get diagnostics v_count = row_count;
      v_left := v_left - v_count;
      v_most := v_most - v_count;
      v_shared := v_shared - case when is_shared[i] then v_count else 0 end;
    end loop;
  end loop;
end
$$;
