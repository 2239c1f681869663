-- The queue's clock: every due time, lease and timestamp comes from here. Not now(): that is the start
-- of the transaction, which in a long one may be minutes ago.
-- Tests move it with: set taskflow.clock_offset = '1 hour'. Only who may make objects in the schema can,
-- for all others the setting does nothing: a producer could enqueue for a year that no worker can read,
-- a worker expire every lease. A CASE, so that an unmoved clock costs one look at a setting.
create or replace function taskflow.now() returns timestamptz
language sql volatile parallel safe as $$
  select case when coalesce(current_setting('taskflow.clock_offset', true), '') = '' then clock_timestamp()
              when has_schema_privilege(session_user, 'taskflow', 'create')
              then clock_timestamp() + current_setting('taskflow.clock_offset', true)::interval
              else clock_timestamp() end
$$;
