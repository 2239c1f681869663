-- Hands claimed jobs back untouched: ready again, the attempt not counted. For jobs that were not
-- started, at shutdown, and (with a delay) for tasks that the worker does not know.
-- Answers how many were still the caller's.
create or replace function taskflow.release(
  ids bigint[],
  claim_nos bigint[],
  delay interval default null,
  tenants text[] default null
) returns bigint
language sql volatile security definer set search_path = taskflow, pg_temp as $$
  select count(*) filter (where taskflow.settle(
           g.id, g.claim_no, 'released', delay => release.delay, tenant => coalesce(g.tenant, 'default')) = 'applied')
    from unnest(release.ids, release.claim_nos, release.tenants) g (id, claim_no, tenant)
$$;
