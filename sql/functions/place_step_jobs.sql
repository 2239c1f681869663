-- Enqueues the jobs of steps, in one statement for any number of them, with what their nodes do not say
-- taken from the tasks' published defaults. They belong to whoever started the run. Internal.
create or replace function taskflow.place_step_jobs(tenant text, jobs taskflow.step_job[]) returns void
language plpgsql volatile as $$
declare
  v_now timestamptz := taskflow.now();
  v_attempts integer := taskflow.config('max_attempts')::integer;
  v_queue record;
begin
  for v_queue in
    with given as materialized (
      select g.run_id, g.node, g.place, g.args, r.created_by, nextval('taskflow.job_id_seq') as job_id,
             case when g.place < -1 then n.undo ->> 'task' else n.target end as task,
             case when g.place < -1 then n.undo -> 'options' else n.options end as options
        from unnest(jobs) g
       cross join lateral (
         select r.workflow_id, r.created_by from taskflow.workflow_run r where r.tenant = place_step_jobs.tenant and r.id = g.run_id offset 0) r
       cross join lateral (
         select n.target, n.options, n.undo from taskflow.workflow_node n
          where n.tenant = place_step_jobs.tenant and n.workflow_id = r.workflow_id and n.no = g.node offset 0) n),
    placed as (
      insert into taskflow.job (id, run_at, created_at, max_attempts, priority, timeout, tenant, queue, task,
                                created_by, tags, args, args_version, meta, is_followed)
      select g.job_id, case when g.options ? 'delay' then v_now + taskflow.read_pause(g.options -> 'delay') else v_now end, v_now,
             coalesce((g.options ->> 'max_attempts')::smallint, t.max_attempts, v_attempts),
             coalesce(taskflow.priority_no(g.options ->> 'priority'), t.priority, 2),
             case when g.options ? 'timeout' then taskflow.read_pause(g.options -> 'timeout') else t.timeout end,
             place_step_jobs.tenant, coalesce(g.options ->> 'queue', t.queue, 'default'), g.task, g.created_by,
             case when g.options ? 'tags' then array(select jsonb_array_elements_text(g.options -> 'tags')) end,
             g.args, t.version, g.options -> 'meta', true
        from given g
        left join lateral (
          select t.* from taskflow.task t where t.tenant = 'default' and t.name = g.task offset 0) t on true
      returning id, queue, task, run_at),
    found as materialized (
      select s.at, g.job_id
        from given g
       cross join lateral (
         select s.ctid as at from taskflow.workflow_step s
          where s.tenant = place_step_jobs.tenant and s.run_id = g.run_id and s.node = g.node and s.place = g.place offset 0) s),
    noted as (
      update taskflow.workflow_step s
         set state = 'scheduled', job_id = f.job_id, started_at = v_now, finished_at = null, attempt = s.attempt + 1, error = null, result = null
        from found f where s.ctid = f.at)
    select p.queue as name, bool_or(p.run_at <= v_now) as is_due,
           array_agg(p.id) filter (where taskflow.has_limits(place_step_jobs.tenant, p.queue, p.task)) as limited
      from placed p group by p.queue
  loop
    if v_queue.limited is not null then
      perform taskflow.relane(place_step_jobs.tenant, v_queue.limited);
    end if;
    if place_step_jobs.tenant <> 'default' then
      perform taskflow.note_queue(place_step_jobs.tenant, v_queue.name);
    end if;
    if v_queue.is_due then
      perform taskflow.wake(v_queue.name);
    end if;
  end loop;
end
$$;
