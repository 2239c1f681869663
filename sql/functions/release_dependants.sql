-- Notes for all that wait for these jobs how they ended. A job whose last parent is met becomes ready;
-- one that waits for a job which did not succeed is cancelled, unless it was told to continue.
-- With `only_child`, for that one alone. Answers the cancelled jobs that others follow in turn.
-- Locks: the waiting jobs, in the order of their ids. Internal.
create or replace function taskflow.release_dependants(
  tenant text, parent_ids bigint[], ended_as text, only_child bigint default null
) returns bigint[]
language plpgsql volatile as $$
declare
  v_now timestamptz := taskflow.now();
  v_met record;
  v_job taskflow.job;
  v_queue text;
  v_followed bigint[];
begin
  with ended as (
    update taskflow.dependency d set ended_as = release_dependants.ended_as
     where d.tenant = release_dependants.tenant and d.parent_id = any (parent_ids) and d.ended_as is null
       and (only_child is null or d.child_id = only_child)
    returning d.child_id, d.parent_id, release_dependants.ended_as = 'succeeded' or d.on_failure = 'continue' as is_met),
  children as (
    select e.child_id as id, count(*) filter (where e.is_met) as met, min(e.parent_id) filter (where not e.is_met) as missed
      from ended e group by e.child_id)
  select array_agg(c.id order by c.id) as ids, array_agg(c.met order by c.id) as counts, array_agg(c.missed order by c.id) as missed
    into v_met from children c;
  if v_met.ids is null then
    return null;
  end if;
  perform from taskflow.job j where j.tenant = release_dependants.tenant and j.id = any (v_met.ids) order by j.id for update;
  for v_queue in
    with released as (
      update taskflow.job j
         set waits_for = nullif(j.waits_for - m.count, 0),
             state = case when j.waits_for = m.count then 'ready' else j.state end,
             priority = case when j.waits_for = m.count and j.lane_id is null then j.priority - 10 else j.priority end,
             -- ahead of the walks of all workers, which have passed its old place
             run_at = case when j.waits_for = m.count then greatest(j.run_at, v_now) else j.run_at end
        from unnest(v_met.ids, v_met.counts, v_met.missed) m (id, count, missed)
       -- looked up one by one, whatever the statistics say; the rows are locked and stay where they are
       cross join lateral (
         select f.ctid as place from taskflow.job f where f.tenant = release_dependants.tenant and f.id = m.id offset 0) f
       where j.ctid = f.place and m.missed is null and j.waits_for is not null
      returning j.tenant, j.id, j.queue, j.lane_id, j.run_at, j.waits_for),
    rung as (
      insert into taskflow.lane_bell (tenant, lane_id, queue, at)
      select r.tenant, r.lane_id, r.queue, r.run_at from released r where r.waits_for is null and r.lane_id is not null)
    select r.queue from released r where r.waits_for is null group by r.queue
  loop
    perform taskflow.wake(v_queue);
  end loop;
  for v_job in
    select j.* from unnest(v_met.ids, v_met.missed) m (id, missed)
     cross join lateral (
       select j.* from taskflow.job j
        where j.tenant = release_dependants.tenant and j.id = m.id and j.waits_for is not null offset 0) j
     where m.missed is not null order by j.id
  loop
    if v_job.is_followed then
      v_followed := v_followed || v_job.id;
      v_job.is_followed := false;  -- the caller tells them: a call for each link of a chain would nest too deep
    end if;
    perform taskflow.archive(v_job, 'cancelled', v_now,
      format('job %s, which it waited for, is %s', v_met.missed[array_position(v_met.ids, v_job.id)], ended_as), null);
  end loop;
  return v_followed;
end
$$;
