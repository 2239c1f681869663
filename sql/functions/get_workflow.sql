-- A saved workflow, its latest version unless one is named. No row: unknown.
create or replace function taskflow.get_workflow(name text, version integer default null, tenant text default null)
returns table (name text, version integer, definition jsonb, created_at timestamptz, created_by text)
language sql stable security definer set search_path = taskflow, pg_temp as $$
  select w.name, w.version, w.definition, w.created_at, w.created_by from taskflow.workflow w
   where w.tenant = taskflow.tenant_of(get_workflow.tenant) and w.name = get_workflow.name
     and (get_workflow.version is null or w.version = get_workflow.version)
   order by w.version desc limit 1
$$;
