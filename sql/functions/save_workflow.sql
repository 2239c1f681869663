-- Keeps a workflow under a name. Answers its version, and whether it was saved, or is unchanged: a
-- definition that is the same as the latest version makes no new one. Runs keep the version that they
-- began with. A definition is
--
--   nodes   {"name": node, ...}; a node is one of
--             {"task": "...", "args": {...}, "options": {...}}, {"workflow": "...", "input": {...}},
--             {"signal": "...", "timeout": "2 days"}, {"delay": "5m"}
--   output  what the run gives: a path, or JSON that holds paths
--
-- and every node may have
--
--   needs         names of nodes that come first, or {"node": "...", "on_failure": "..."}
--   on_failure    what its failure does: fail the run (default), continue, or compensate
--   when          a condition; where it is false the node is skipped
--   for_each      a path to an array: the node runs once for each item, at most max_parallel at once
--   compensate    {"task": "...", "args": {...}}: undoes it, when a later failure says compensate
--
-- Conditions and paths are SQL/JSON paths over {"input", "steps": {"name": {"state", "result", "error"}},
-- "item", "index"}. In args, input and output {"$path": "..."} stands for the first thing that a path
-- gives, {"$all": "..."} for all of them, and {"$value": ...} for its value, not looked into. Locks: the name, until the transaction ends. Raises TF110, TF160 with the place.
create or replace function taskflow.save_workflow(
  name text, definition jsonb, tenant text default null, out version integer, out outcome text
)
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
#variable_conflict use_column
declare
  v_tenant text := taskflow.tenant_of(save_workflow.tenant);
  v_hash text := encode(sha256(convert_to(definition::text, 'UTF8')), 'hex');
  v_latest record;
begin
  if save_workflow.name is null or save_workflow.name !~ '^[A-Za-z0-9_.-]{1,100}$' then
    raise exception 'workflow name % is not valid', coalesce(quote_literal(left(save_workflow.name, 80)), 'NULL')
      using errcode = 'TF110', hint = 'Use 1 to 100 of A-Z a-z 0-9 _ . -';
  end if;
  perform taskflow.check_name('tenant', v_tenant);
  perform pg_advisory_xact_lock(hashtext('taskflow.workflow'), hashtext(v_tenant || '/' || save_workflow.name));
  select w.version, w.hash into v_latest from taskflow.workflow w
   where w.tenant = v_tenant and w.name = save_workflow.name order by w.version desc limit 1;
  version := coalesce(v_latest.version, 0);
  outcome := 'unchanged';
  if definition is null or v_latest.hash is distinct from v_hash then
    version := version + 1;
    outcome := 'saved';
    perform taskflow.store_workflow(v_tenant, save_workflow.name, version, definition, v_hash);
  end if;
end
$$;
