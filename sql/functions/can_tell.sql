-- Whether the run and the batch that a job belongs to are free, and locks them if so: for upkeep, which
-- takes jobs in any order and may come back later, so it must wait for nobody. Internal.
create or replace function taskflow.can_tell(tenant text, id bigint) returns boolean
language plpgsql volatile as $$
declare
  v_root bigint;
  v_batch bigint;
begin
  select r.root_id into v_root
    from taskflow.workflow_step s
    join taskflow.workflow_run r on r.tenant = s.tenant and r.id = s.run_id
   where s.tenant = can_tell.tenant and s.job_id = can_tell.id;
  perform from taskflow.workflow_run r where r.tenant = can_tell.tenant and r.id = v_root for no key update skip locked;
  if v_root is not null and not found then
    return false;
  end if;
  select b.batch_id into v_batch from taskflow.batch_job b where b.tenant = can_tell.tenant and b.job_id = can_tell.id;
  perform from taskflow.batch b where b.tenant = can_tell.tenant and b.id = v_batch for no key update skip locked;
  return v_batch is null or found;
end
$$;
