-- What explain says of a job that waits for others. Internal.
create or replace function taskflow.explain_parents(tenant text, id bigint)
returns table (cause text, sentence text, detail jsonb)
language sql stable as $$
  select 'waits_for_jobs',
         format('Waits for %s: %s.', case when count(*) = 1 then 'a job' else count(*) || ' jobs' end,
                string_agg(p.parent_id || ' (' || coalesce(p.state, 'unknown') || ')', ', ' order by p.parent_id) filter (where p.place <= 5)
                || case when count(*) > 5 then ' and others' else '' end),
         jsonb_build_object('waits_for', jsonb_agg(p.parent_id order by p.parent_id) filter (where p.place <= 100), 'count', count(*))
    from (select d.parent_id, row_number() over (order by d.parent_id) as place,
                 (select taskflow.state_of(j.state, j.run_at, j.attempt, j.priority, taskflow.now())
                    from taskflow.job j where j.tenant = d.tenant and j.id = d.parent_id) as state
            from taskflow.dependency d
           where d.tenant = explain_parents.tenant and d.child_id = explain_parents.id and d.ended_as is null) p
  having count(*) > 0
$$;
