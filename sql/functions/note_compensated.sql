-- Marks the steps whose compensation has succeeded as compensated. Internal.
create or replace function taskflow.note_compensated(tenant text, ended taskflow.step_end[]) returns void
language sql volatile as $$
  with undone as (
    update taskflow.workflow_step s set state = 'compensated'
      from unnest(ended) e
     where e.place < -1 and e.state = 'succeeded'
       and s.tenant = note_compensated.tenant and s.run_id = e.run_id and s.node = e.node and s.place = -3 - e.place and s.state = 'succeeded'
    returning s.run_id)
  update taskflow.workflow_run r set succeeded = r.succeeded - u.count, compensated = r.compensated + u.count
    from (select d.run_id, count(*)::integer as count from undone d group by d.run_id) u
   where r.tenant = note_compensated.tenant and r.id = u.run_id
$$;
