-- Hands back what a worker holds without knowing: claims whose answer was lost with the connection.
-- `known_ids` are all jobs that the worker knows of. Call it after reconnecting, before claiming.
-- Locks: those jobs, skipping the locked. Answers how many went back; without it they come back when their leases run out.
create or replace function taskflow.disown(worker_id bigint, known_ids bigint[]) returns integer
language plpgsql volatile security definer set search_path = taskflow, pg_temp
-- as in settle_many: each job is looked up by its key
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
  v_job taskflow.job;
  v_count integer := 0;
begin
  for v_job in
    select j.* from taskflow.claim_batch b
     cross join unnest(b.job_ids) u (id)
      join taskflow.job j on j.tenant = any (array[b.tenant]) and j.id = u.id
     where b.worker_id = disown.worker_id and j.worker_id = disown.worker_id
       and j.lease_until is not null and u.id <> all (known_ids)
     order by j.id for update of j skip locked
  loop
    -- two batches may lead to one job
    if taskflow.settle(v_job.id, v_job.claim_no, 'released', tenant => v_job.tenant) = 'applied' then
      v_count := v_count + 1;
    end if;
  end loop;
  return v_count;
end
$$;
