-- Begins the end of a run: no step of it starts any more, jobs that wait are cancelled, those that run
-- are asked to stop, and so are the runs that are steps of it. It ends when the last of them has.
-- `ending` is failed, cancelled or compensate. Answers it and the runs below it that were stopped.
-- A job that somebody else has locked is passed over, since its settle waits for this run; upkeep asks
-- again. The caller holds the lock of the run. Internal.
create or replace function taskflow.stop_run(tenant text, run_id bigint, ending text, reason text) returns bigint[]
language plpgsql volatile as $$
declare
  v_now timestamptz := taskflow.now();
  v_stopped bigint[] := array[run_id];
  v_gone bigint[];
  v_child bigint;
begin
  update taskflow.workflow_run r set ending = stop_run.ending, reason = left(stop_run.reason, 1000)
   where r.tenant = stop_run.tenant and r.id = stop_run.run_id and r.finished_at is null
     and (r.ending is null or (stop_run.ending = 'cancelled' and r.ending <> 'cancelled'));
  if not found then
    return null;
  end if;
  v_gone := taskflow.cancel_jobs(tenant, array(
    select s.job_id from taskflow.workflow_step s
     where s.tenant = stop_run.tenant and s.run_id = stop_run.run_id and s.state = 'scheduled' and s.job_id is not null and s.place >= -1
     order by s.job_id), reason);
  with stopped as (
    update taskflow.workflow_step s set state = 'cancelled', finished_at = v_now, due_at = null
     where s.tenant = stop_run.tenant and s.run_id = stop_run.run_id
       and (s.state in ('pending', 'waiting') or (s.state = 'scheduled' and s.job_id in (select unnest(v_gone))))
    returning s.node, s.place),
  items as (
    select p.node, count(*)::integer as count from stopped p where p.place >= 0 group by p.node),
  nodes as (
    update taskflow.workflow_step s
       set remaining = s.remaining - i.count, finished_at = case when s.remaining = i.count then v_now end,
           state = case when s.remaining = i.count then 'cancelled' else s.state end
      from items i
     where s.tenant = stop_run.tenant and s.run_id = stop_run.run_id and s.node = i.node and s.place = -1 and s.state = 'scheduled'
    returning s.state)
  update taskflow.workflow_run r
     set cancelled = r.cancelled + (select count(*) from stopped) + (select count(*) from nodes n where n.state = 'cancelled')
   where r.tenant = stop_run.tenant and r.id = stop_run.run_id;
  if v_gone is not null then
    perform taskflow.tell_followers(tenant, v_gone, 'cancelled');  -- their steps are ended already; others may wait for them
  end if;
  for v_child in
    select s.child_id from taskflow.workflow_step s
     where s.tenant = stop_run.tenant and s.run_id = stop_run.run_id and s.state = 'scheduled' and s.child_id is not null
     order by s.child_id
  loop
    v_stopped := v_stopped || taskflow.stop_run(tenant, v_child, 'cancelled', 'run ' || run_id || ' was stopped');
  end loop;
  return v_stopped;
end
$$;
