-- Removes a limit; the jobs that waited under it go on. Answers whether there was one.
create or replace function taskflow.delete_limit(name text, tenant text default null) returns boolean
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
declare
  v_old taskflow.job_limit;
begin
  delete from taskflow.job_limit l
   where l.tenant = taskflow.tenant_of(delete_limit.tenant) and l.name = delete_limit.name
  returning * into v_old;
  if not found then
    return false;
  end if;
  perform taskflow.relane_all(v_old.tenant, v_old.queue, v_old.task);
  return true;
end
$$;
