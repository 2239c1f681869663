-- Starts a run of a workflow, of its latest version unless one is named. Part of the caller's
-- transaction, as an enqueue: the run and its first jobs commit or vanish with it.
-- A workflow has at most one run with a key, for as long as that run is kept: with one that is taken,
-- answers the run that has it. Outcomes: started, existing.
-- Raises TF113-TF116 for the input, TF161 for an unknown workflow, TF111 for a bad key.
create or replace function taskflow.start_workflow(
  name text,
  input jsonb default '{}',
  version integer default null,
  key text default null,
  tenant text default null,
  out id bigint,
  out outcome text
)
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
#variable_conflict use_column
declare
  v_tenant text := taskflow.tenant_of(start_workflow.tenant);
  v_workflow bigint;
begin
  select w.id into v_workflow from taskflow.workflow w
   where w.tenant = v_tenant and w.name = start_workflow.name
     and (start_workflow.version is null or w.version = start_workflow.version)
   order by w.version desc limit 1;
  if not found then
    raise exception 'there is no workflow "%"%', left(start_workflow.name, 100), coalesce(' with version ' || start_workflow.version, '')
      using errcode = 'TF161', hint = 'Save it first: taskflow.save_workflow(name, definition).';
  end if;
  if octet_length(start_workflow.key) not between 1 and 500 then
    raise exception 'key has % bytes, it must have 1 to 500', octet_length(start_workflow.key)
      using errcode = 'TF111', hint = 'Use a hash of a longer key.';
  end if;
  select r.id, r.outcome into id, outcome
    from taskflow.start_definition(v_tenant, v_workflow, start_workflow.name, start_workflow.input, start_workflow.key) r;
end
$$;
