-- Every step of every run in the states that people see. A step with a job is in the state of its job
-- until that has ended. `place` counts the items of a for_each step from 0 and is -1 for a node itself.
create or replace view taskflow.step_view with (security_invoker = true) as
  select s.tenant, s.run_id, n.no, n.name as node, case when s.place < -1 then -3 - s.place else s.place end as item_no,
         s.place < -1 as is_compensation, case when s.place < -1 then 'task' else n.kind end as kind,
         case when s.place < -1 then n.undo ->> 'task' else n.target end as target,
         case when s.state <> 'scheduled' then s.state
              when s.child_id is not null or s.job_id is null then 'running'
              else coalesce(taskflow.state_of(j.state, j.run_at, j.attempt, j.priority, taskflow.now()), 'running') end as state,
         s.job_id, s.child_id, s.attempt, s.remaining, s.due_at, s.started_at, s.finished_at, s.error, s.item, s.result, s.place
    from taskflow.workflow_step s
    join taskflow.workflow_run r on r.tenant = s.tenant and r.id = s.run_id
    join taskflow.workflow_node n on n.tenant = r.tenant and n.workflow_id = r.workflow_id and n.no = s.node
    left join taskflow.job j on s.state = 'scheduled' and j.tenant = s.tenant and j.id = s.job_id;
