-- Every run of a workflow, with the version that it runs and the counts of its steps by state.
create or replace view taskflow.run_view with (security_invoker = true) as
  select r.tenant, r.id, r.name as workflow, w.version, r.state, r.ending, r.key, r.reason, r.total, r.succeeded, r.skipped,
         r.failed, r.cancelled, r.compensated, r.created_at, r.finished_at, r.created_by, r.root_id, r.parent_id, r.workflow_id,
         r.input, r.output
    from taskflow.workflow_run r
    join taskflow.workflow w on w.tenant = r.tenant and w.id = r.workflow_id;
