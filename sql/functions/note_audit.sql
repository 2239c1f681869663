-- Adds to the audit trail.
create or replace function taskflow.note_audit(
  actor text, actor_kind text, actor_id bigint, address text, request text, action text, method text, path text,
  status integer, target text default null, detail jsonb default null, tenant text default null
) returns void
language sql volatile security definer set search_path = taskflow, pg_temp as $$
  insert into taskflow.audit (tenant, at, actor, actor_kind, actor_id, address, request, action, method, path, status, target, detail)
  values (coalesce(note_audit.tenant, taskflow.bound_tenant(), 'default'), taskflow.now(), left(note_audit.actor, 200), note_audit.actor_kind,
          note_audit.actor_id, left(note_audit.address, 100), left(note_audit.request, 100), note_audit.action,
          note_audit.method, left(note_audit.path, 500), note_audit.status, left(note_audit.target, 200), note_audit.detail)
$$;
