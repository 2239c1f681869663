-- A run that the session may see, with its root's row locked, so that nothing else moves it until the
-- transaction ends. Raises TF162 for an unknown run. Internal.
create or replace function taskflow.find_run(id bigint, tenant text) returns taskflow.workflow_run
language plpgsql volatile as $$
declare
  v_run taskflow.workflow_run;
begin
  perform from taskflow.workflow_run o
    where o.tenant = find_run.tenant
      and o.id = (select r.root_id from taskflow.workflow_run r where r.tenant = find_run.tenant and r.id = find_run.id)
      for no key update;
  select * into v_run from taskflow.workflow_run r
   where r.tenant = find_run.tenant and r.id = find_run.id and (r.created_by = session_user or taskflow.may_read());
  if not found then
    raise exception 'run % does not exist', find_run.id
      using errcode = 'TF162', hint = 'It was never committed, or its retention is over.';
  end if;
  return v_run;
end
$$;
