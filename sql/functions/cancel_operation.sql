-- Stops an operation where it stands; what it has done stays done. Answers whether it was under way.
-- Raises TF134 for an unknown one.
create or replace function taskflow.cancel_operation(id bigint, tenant text default null) returns boolean
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
declare
  v_operation taskflow.operation;
begin
  select * into v_operation from taskflow.operation o
   where o.tenant = taskflow.tenant_of(cancel_operation.tenant) and o.id = cancel_operation.id for update;
  if not found then
    raise exception 'operation % does not exist', cancel_operation.id using errcode = 'TF134', hint = 'See taskflow operations list.';
  elsif v_operation.state not in ('waiting', 'running') then
    return false;
  end if;
  update taskflow.operation o set state = 'cancelled', finished_at = taskflow.now()
   where o.tenant = v_operation.tenant and o.id = v_operation.id;
  return true;
end
$$;
