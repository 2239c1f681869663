-- Whether the holder of a claim has settled it: what a worker asks after the reply to a COMMIT was
-- lost. Waits for a transaction that still holds the job's row, so its answer is final.
create or replace function taskflow.was_settled(id bigint, claim_no bigint, tenant text default 'default')
returns boolean
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
begin
  perform from taskflow.job j
    where j.tenant = was_settled.tenant and j.id = was_settled.id for update;
  return taskflow.settled_before(was_settled.tenant, was_settled.id, was_settled.claim_no) = 'already';
end
$$;
