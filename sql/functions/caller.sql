-- Who does this, for the record: the session's user, and behind the API the user or key that it speaks for.
create or replace function taskflow.caller() returns text
language sql stable as $$
  select case when current_setting('role', true) = 'taskflow_api'
              then coalesce(nullif(current_setting('taskflow.actor', true), ''), session_user::text)
              else session_user::text end
$$;
