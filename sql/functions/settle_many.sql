-- Settles a batch in one round trip. `ids` and `claim_nos` (and `tenants`, if not all 'default') are
-- jobs that completed, `results` a JSON array parallel to them; NULL means that none has a result.
-- `others` is a JSON array of those that ended otherwise, each with the arguments of taskflow.settle:
-- {"id", "claim_no", "outcome", "delay", "reason", "error", "tenant"}.
-- Answers a row for each one that was not applied: 'already', 'stale', or 'refused' for one that is
-- malformed. No row: all applied. A result that cannot be stored (over max_result_bytes or 64 levels, or
-- with a number beyond 1e300) fails its job alone. Raises TF111 for arrays that are no plain lists.
create or replace function taskflow.settle_many(
  ids bigint[],
  claim_nos bigint[],
  results jsonb default null,
  others jsonb default null,
  tenants text[] default null
) returns table (id bigint, claim_no bigint, status text)
language plpgsql volatile security definer set search_path = taskflow, pg_temp
-- one plan shape, whatever the statistics say: probe the primary key for each id. `= any (array[…])` is no
-- clause for a merge join, so none of its sorted scans of the whole index can be chosen by mistake either
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
-- a row that somebody else holds must not hold up thousands: 55P03, and the caller settles in parts
set lock_timeout = '200ms'
as $$
#variable_conflict use_column
declare
  v_now timestamptz := taskflow.now();
  v_count bigint;
  v_unstorable bigint[];
  v_followed bigint[];
  v_followed_of text[];
  v_limited bigint[];
  v_limited_of text[];
  v_heard_by text[] := array(select e.tenant from taskflow.webhook_endpoint e
                              where e.disabled_at is null and taskflow.listens_to(e.types, 'job.succeeded'));
  v_told bigint[];
  v_told_of text[];
begin
  if not (taskflow.is_list(ids) and taskflow.is_list(claim_nos) and taskflow.is_list(tenants)) then
    raise exception 'ids, claim_nos and tenants must be plain lists'
      using errcode = 'TF111', hint = 'Give arrays of one dimension, counted from 1.';
  end if;
  if others is not null then
    perform taskflow.lock_ends(ids, tenants, others);
  end if;
  if results is not null then
    select array_agg(g.place) into v_unstorable
      from unnest(ids) with ordinality g (id, place)
     where not taskflow.result_ok(results -> (g.place - 1)::integer, taskflow.config('max_result_bytes')::integer);
  end if;
  if cardinality(ids) > 0 then
    -- By primary key and fence only: a condition on state has flipped the plan to another index.
    with given as materialized (
      select g.id, g.claim_no, coalesce(g.tenant, 'default') as tenant, g.place
        from unnest(ids, claim_nos, tenants) with ordinality g (id, claim_no, tenant, place)
       where v_unstorable is null or g.place <> all (v_unstorable)
       -- whoever locks several jobs does it in this order
       order by 3, 1),
    gone as (
      delete from taskflow.job j using given g
       where j.tenant = any (array[g.tenant]) and j.id = g.id and j.claim_no = g.claim_no and j.lease_until is not null
      returning j.*, g.place),
    kept as (
      insert into taskflow.job_history (
        id, run_at, created_at, claim_no, started_at, finished_at, worker_id, state, attempt, lost,
        max_attempts, priority, deadline, timeout, tenant, queue, task, created_by, unique_key,
        tags, args, meta, result, unique_scope, args_version)
      select g.id, g.run_at, g.created_at, g.claim_no, g.started_at, v_now, g.worker_id, 'succeeded',
             g.attempt, g.lost, g.max_attempts, g.priority % 10, g.deadline, g.timeout, g.tenant,
             g.queue, g.task, g.created_by, g.unique_key, g.tags, g.args, g.meta,
             nullif(results -> (g.place - 1)::integer, 'null'), g.unique_scope, g.args_version
        from gone g)
    select count(*), array_agg(g.id) filter (where g.is_followed),
           array_agg(g.tenant) filter (where g.is_followed),
           array_agg(g.id) filter (where g.lane_id is not null),
           array_agg(g.tenant) filter (where g.lane_id is not null),
           array_agg(g.id) filter (where g.tenant = any (v_heard_by)),
           array_agg(g.tenant) filter (where g.tenant = any (v_heard_by))
      into v_count, v_followed, v_followed_of, v_limited, v_limited_of, v_told, v_told_of
      from gone g;
    if v_limited is not null then
      perform taskflow.free_slots(f.tenant, array_agg(f.id), 'completed')
         from unnest(v_limited, v_limited_of) f (id, tenant) group by f.tenant;
    end if;
    if v_followed is not null then
      perform taskflow.tell_followers(f.tenant, array_agg(f.id), 'succeeded')
         from unnest(v_followed, v_followed_of) f (id, tenant) group by f.tenant;
    end if;
    if v_told is not null then
      perform taskflow.tell_endpoints(t.tenant, array_agg(t.id)) from unnest(v_told, v_told_of) t (id, tenant) group by t.tenant;
    end if;
    if v_unstorable is not null then
      return query
        with failed as materialized (
          select ids[u] as id, claim_nos[u] as claim_no, taskflow.settle(
                   ids[u], claim_nos[u], 'failed', reason => 'unstorable', tenant => coalesce(tenants[u], 'default'),
                   error => '{"class": "unstorable", "message": "the result is larger or deeper than allowed, or holds a number beyond 1e300"}') as status
            from unnest(v_unstorable) u)
        select f.id, f.claim_no, f.status from failed f where f.status <> 'applied';
    end if;
    if v_count + coalesce(cardinality(v_unstorable), 0) < cardinality(ids) then
      -- those just written carry this call's time
      return query
        select g.id, g.claim_no, taskflow.settled_before(g.tenant, g.id, g.claim_no)
          from (select u.id, u.claim_no, coalesce(u.tenant, 'default') as tenant
                  from unnest(ids, claim_nos, tenants) with ordinality u (id, claim_no, tenant, place)
                 where v_unstorable is null or u.place <> all (v_unstorable)) g
         where not exists (select from taskflow.job_history h
                            where h.tenant = g.tenant and h.id = g.id and h.claim_no = g.claim_no
                              and h.finished_at = v_now);
    end if;
    if exists (select from taskflow.watcher) then
      perform pg_notify('taskflow', 'done ' || w.job_id)
         from taskflow.watcher w where w.job_id = any (ids);
    end if;
  end if;
  if others is not null then
    return query select e.id, e.claim_no, e.status from taskflow.settle_each(others) e;
  end if;
end
$$;
