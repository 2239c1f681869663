-- Writes how steps ended and does what follows from it, wave by wave until nothing does: lets the steps
-- go that waited for them, ends nodes that ran for each item, stops runs that have failed, ends runs that
-- have nothing left, and with them the steps of other runs that they are. A loop, so a chain of skipped
-- steps may have any length. The caller holds the locks of the runs. Internal.
create or replace function taskflow.end_steps(tenant text, ends taskflow.step_end[]) returns void
language plpgsql volatile
-- one plan shape, whatever the statistics say: probe the primary key for each step; and made once, since
-- planning these statements anew for each set of ids would take longer than running them
set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
  v_now timestamptz := taskflow.now();
  v_ended taskflow.step_end[];
  v_next taskflow.step_end[];
  v_runs bigint[];
  v_run record;
  v_has_items boolean;
  v_has_undone boolean;
  v_has_failed boolean;
begin
  while ends is not null loop
    with found as materialized (
      select s.at, e.state, e.result, e.error
        from unnest(ends) e
       cross join lateral (
         select s.ctid as at from taskflow.workflow_step s
          where s.tenant = end_steps.tenant and s.run_id = e.run_id and s.node = e.node and s.place = e.place
            and s.state in ('pending', 'waiting', 'scheduled') offset 0) s),
    ended as (
      update taskflow.workflow_step s
         set state = f.state, result = f.result, error = f.error, finished_at = v_now, due_at = null
        from found f where s.ctid = f.at
      returning s.run_id, s.node, s.place, s.state)
    select array_agg(row(e.run_id, e.node, e.place, e.state, null, null)::taskflow.step_end), array_agg(distinct e.run_id),
           bool_or(e.place >= 0), bool_or(e.place < -1), bool_or(e.state in ('failed', 'cancelled') and e.place >= -1)
      into v_ended, v_runs, v_has_items, v_has_undone, v_has_failed
      from ended e;
    exit when v_ended is null;
    for v_run in
      select e.run_id as id, count(*) filter (where e.state = 'succeeded') as succeeded, count(*) filter (where e.state = 'skipped') as skipped,
             count(*) filter (where e.state = 'failed') as failed, count(*) filter (where e.state = 'cancelled') as cancelled
        from unnest(v_ended) e group by e.run_id
    loop
      update taskflow.workflow_run r
         set succeeded = r.succeeded + v_run.succeeded, skipped = r.skipped + v_run.skipped, failed = r.failed + v_run.failed,
             cancelled = r.cancelled + v_run.cancelled
       where r.tenant = end_steps.tenant and r.id = v_run.id;
    end loop;
    v_next := null;
    if v_has_failed then
      v_runs := v_runs || taskflow.stop_failed(tenant, v_ended);
    end if;
    if v_has_undone then
      perform taskflow.note_compensated(tenant, v_ended);
    end if;
    if v_has_items then
      v_next := taskflow.end_items(tenant, v_ended);
    end if;
    v_next := v_next || taskflow.release_followers(tenant, v_ended);
    v_next := v_next || taskflow.end_runs(tenant, v_runs);
    ends := v_next;
  end loop;
end
$$;
