drop table if exists taskflow.job_progress, taskflow.job_log, taskflow.job_step,
  taskflow.result_chunk cascade;
drop sequence if exists taskflow.job_log_seq;
delete from taskflow.config
 where name in ('max_log_lines', 'max_log_bytes', 'max_steps', 'log_retention');
