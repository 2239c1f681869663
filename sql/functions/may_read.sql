-- Whether the session's user may see jobs that others enqueued: workers, operators and owners may, and the
-- API, which has rules of its own. A CASE, so that the API need not look through the roles.
create or replace function taskflow.may_read() returns boolean
language sql stable as $$
  select case when current_setting('role', true) = 'taskflow_api' then true
              else (select coalesce(bool_or(pg_has_role(session_user, r.oid, 'member')), false)
                      from pg_roles r where r.rolname in ('taskflow_worker', 'taskflow_operator')
                        or r.oid = (select n.nspowner from pg_namespace n where n.nspname = 'taskflow')) end
$$;
