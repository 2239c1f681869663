-- The version of a task's contract that its workers published last; null for a task that none has. What
-- callers from SQL enqueue is of that version, and migrated when a later one claims it. Internal.
create or replace function taskflow.published_version(task text) returns smallint
language sql stable parallel safe as $$
  select t.version from taskflow.task t where t.tenant = 'default' and t.name = published_version.task
$$;
