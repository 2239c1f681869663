drop view if exists taskflow.run_view, taskflow.step_view, taskflow.batch_view cascade;
-- the functions that take or answer these types and rows go with them; an upgrade makes them again
drop type taskflow.step_ref, taskflow.step_end, taskflow.step_job cascade;
drop table taskflow.batch_job, taskflow.batch, taskflow.workflow_signal, taskflow.workflow_step,
  taskflow.workflow_run, taskflow.workflow_node, taskflow.workflow cascade;
delete from taskflow.config where name = 'run_retention';
