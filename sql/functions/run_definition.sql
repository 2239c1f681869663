-- Starts a run of a definition that is not kept under a name: for a chain, or a group of jobs, that is
-- made for this once. The definition is as in save_workflow. Answers the run's id.
-- Raises TF113-TF116 for the input, TF160 with the place of what is wrong in the definition.
create or replace function taskflow.run_definition(definition jsonb, input jsonb default '{}', tenant text default null)
returns bigint
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
declare
  v_tenant text := taskflow.tenant_of(run_definition.tenant);
begin
  perform taskflow.check_name('tenant', v_tenant);
  return (taskflow.start_definition(
    v_tenant, taskflow.store_workflow(v_tenant, null, null, definition, ''), null, run_definition.input, null)).id;
end
$$;
