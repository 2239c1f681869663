-- A batch that the session may see. Raises TF164 for an unknown one. Internal.
create or replace function taskflow.find_batch(id bigint, tenant text) returns taskflow.batch
language plpgsql stable as $$
declare
  v_batch taskflow.batch;
begin
  select * into v_batch from taskflow.batch b
   where b.tenant = find_batch.tenant and b.id = find_batch.id and (b.created_by = session_user or taskflow.may_read());
  if not found then
    raise exception 'batch % does not exist', find_batch.id
      using errcode = 'TF164', hint = 'It was never committed, or its retention is over.';
  end if;
  return v_batch;
end
$$;
