-- Counts the ends of jobs at their batches, and ends those batches that are closed and have none left.
-- `cancelled` are further jobs that were cancelled. Locks: the batches, in the order of their ids. Internal.
create or replace function taskflow.count_batches(tenant text, ids bigint[], ended_as text, cancelled bigint[] default null) returns void
language plpgsql volatile
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
  v_batches bigint[];
  v_batch taskflow.batch;
begin
  select array_agg(distinct b.batch_id) into v_batches
    from unnest(ids || count_batches.cancelled) i (id)
   cross join lateral (
     select m.batch_id from taskflow.batch_job m where m.tenant = count_batches.tenant and m.job_id = i.id and m.ended_as is null offset 0) b;
  if v_batches is null then
    return;
  end if;
  perform from taskflow.batch b where b.tenant = count_batches.tenant and b.id = any (v_batches) order by b.id for no key update;
  for v_batch in
    with found as materialized (
      select m.at, e.ended_as
        from (select i.id, count_batches.ended_as from unnest(ids) i (id)
               union all select c.id, 'cancelled' from unnest(count_batches.cancelled) c (id)) e
       cross join lateral (
         select m.ctid as at from taskflow.batch_job m
          where m.tenant = count_batches.tenant and m.job_id = e.id and m.ended_as is null offset 0) m),
    ended as (
      update taskflow.batch_job m set ended_as = f.ended_as from found f where m.ctid = f.at returning m.batch_id, m.ended_as),
    counted as (
      select e.batch_id, count(*) filter (where e.ended_as = 'succeeded') as succeeded, count(*) filter (where e.ended_as = 'dead') as dead,
             count(*) filter (where e.ended_as = 'cancelled') as cancelled
        from ended e group by e.batch_id)
    update taskflow.batch b
       set succeeded = b.succeeded + c.succeeded, dead = b.dead + c.dead, cancelled = b.cancelled + c.cancelled
      from counted c
     where b.tenant = count_batches.tenant and b.id = c.batch_id
    returning b.*
  loop
    perform taskflow.end_batch(v_batch);
  end loop;
end
$$;
