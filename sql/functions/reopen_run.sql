-- Puts a run that has ended back to where it failed: what failed or was stopped runs again, what was
-- undone too, what succeeded stays. A failure that its node lives with stays as well. Jobs that are still
-- kept come back as they were; other steps start anew. Answers what ended at once.
-- Everything that waits is counted from scratch. Rows are changed by ctid: joined by their keys they may be
-- looked for once for each other row. The caller holds the lock of the root. Internal.
create or replace function taskflow.reopen_run(tenant text, run_id bigint) returns taskflow.step_end[]
language plpgsql volatile
-- as in end_steps: plans that are made here are used there
set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
  v_again tid[];  -- the rows of the steps to be done again
  v_jobs bigint[];
  v_step record;
  v_ends taskflow.step_end[];
  v_go taskflow.step_ref[];
begin
  delete from taskflow.workflow_step s where s.tenant = reopen_run.tenant and s.run_id = reopen_run.run_id and s.place < -1;
  select array_agg(s.ctid) into v_again
    from taskflow.workflow_step s
    join taskflow.workflow_run r on r.tenant = s.tenant and r.id = s.run_id
   cross join lateral (
     select n.fate from taskflow.workflow_node n
      where n.tenant = s.tenant and n.workflow_id = r.workflow_id and n.no = s.node offset 0) n
   where s.tenant = reopen_run.tenant and s.run_id = reopen_run.run_id and s.state in ('failed', 'cancelled', 'compensated')
     and not (n.fate = 'continue' and (s.state = 'failed' or s.error is not null));
  update taskflow.workflow_run r set state = 'running', ending = null, reason = null, finished_at = null, output = null
   where r.tenant = reopen_run.tenant and r.id = reopen_run.run_id;

  v_jobs := array(select s.job_id from taskflow.workflow_step s
                   where s.ctid = any (v_again) and s.state <> 'compensated' and s.job_id is not null);
  perform taskflow.bring_back(tenant, v_jobs);
  update taskflow.job j set is_followed = true where j.tenant = reopen_run.tenant and j.id = any (v_jobs);
  with again as (
    update taskflow.workflow_step s
       set state = case when b.is_back or s.child_id is not null
                          or (s.place = -1 and exists (select from taskflow.workflow_step i
                                where i.tenant = s.tenant and i.run_id = s.run_id and i.node = s.node and i.place >= 0)) then 'scheduled' else 'pending' end,
           job_id = case when b.is_back then s.job_id end,
           child_id = case when s.state <> 'compensated' then s.child_id end,
           finished_at = null, due_at = null, error = null, result = null, is_live = false
      from unnest(v_again) a (row_id)
     cross join lateral (
       select exists (select from taskflow.job j where j.tenant = o.tenant and j.id = o.job_id and j.is_followed) as is_back
         from taskflow.workflow_step o where o.ctid = a.row_id offset 0) b
     where s.ctid = a.row_id
    returning s.ctid as row_id, s.child_id)
  select array_agg(g.row_id) into v_again from again g where g.child_id is not null;
  for v_step in
    select s.node, s.place, c.id as child_id from taskflow.workflow_step s
      left join taskflow.workflow_run c on c.tenant = s.tenant and c.id = s.child_id and c.finished_at is not null and c.state <> 'succeeded'
     where s.ctid = any (v_again) order by s.child_id
  loop
    if v_step.child_id is not null then
      v_ends := v_ends || taskflow.reopen_run(tenant, v_step.child_id);
    else
      update taskflow.workflow_step s set state = 'pending', child_id = null
       where s.tenant = reopen_run.tenant and s.run_id = reopen_run.run_id and s.node = v_step.node and s.place = v_step.place;
    end if;
  end loop;
  -- a for_each step of which some items run again goes on, too
  update taskflow.workflow_step s
     set remaining = greatest(i.open, 1), next_place = 0, state = 'scheduled', finished_at = null, result = null, error = null
    from (select o.node, count(*) filter (where o.state in ('pending', 'scheduled'))::integer as open
            from taskflow.workflow_step o
           where o.tenant = reopen_run.tenant and o.run_id = reopen_run.run_id and o.place >= 0 group by o.node) i
   cross join lateral (
     select o.ctid as row_id from taskflow.workflow_step o
      where o.tenant = reopen_run.tenant and o.run_id = reopen_run.run_id and o.node = i.node and o.place = -1 offset 0) x
   where s.ctid = x.row_id and (i.open > 0 or s.state = 'scheduled');
  with before as (
    select s.ctid as row_id, count(p.node) filter (where not d.is_done)::integer as open, coalesce(bool_or(d.is_done and p.state <> 'skipped'), false) as is_live
      from taskflow.workflow_run r
      join taskflow.workflow_step s on s.tenant = r.tenant and s.run_id = r.id and s.place = -1 and s.state = 'pending'
     cross join lateral (
       select n.needs from taskflow.workflow_node n
        where n.tenant = r.tenant and n.workflow_id = r.workflow_id and n.no = s.node offset 0) n
      left join lateral unnest(n.needs) u (no) on true
      left join lateral (
        select p.* from taskflow.workflow_step p
         where p.tenant = r.tenant and p.run_id = r.id and p.node = u.no and p.place = -1 offset 0) p on true
      left join lateral (
        select k.fate from taskflow.workflow_node k
         where k.tenant = r.tenant and k.workflow_id = r.workflow_id and k.no = u.no offset 0) k on true
     cross join lateral (
       select p.state in ('succeeded', 'skipped') or (k.fate = 'continue' and (p.state = 'failed' or (p.state = 'cancelled' and p.error is not null))) as is_done) d
     where r.tenant = reopen_run.tenant and r.id = reopen_run.run_id
     group by s.ctid)
  update taskflow.workflow_step s set remaining = b.open, is_live = b.is_live from before b where s.ctid = b.row_id;
  update taskflow.workflow_run r
     set total = c.total, succeeded = c.succeeded, skipped = c.skipped, failed = c.failed, cancelled = c.cancelled, compensated = 0
    from (select count(*) as total, count(*) filter (where s.state = 'succeeded') as succeeded, count(*) filter (where s.state = 'skipped') as skipped,
                 count(*) filter (where s.state = 'failed') as failed, count(*) filter (where s.state = 'cancelled') as cancelled
            from taskflow.workflow_step s where s.tenant = reopen_run.tenant and s.run_id = reopen_run.run_id) c
   where r.tenant = reopen_run.tenant and r.id = reopen_run.run_id;
  return v_ends || taskflow.resume_run(tenant, run_id);
end
$$;
