-- The attempt number of a claim that may still write what it has recorded: it runs, or its holder has
-- settled it, as with lines that were on their way then. NULL when the lease was lost. Takes no lock:
-- one on the job's row would make renewals pass it over. Internal.
create or replace function taskflow.attempt_of(tenant text, id bigint, claim_no bigint) returns smallint
language plpgsql stable as $$
declare
  v_attempt smallint;
begin
  select j.attempt into v_attempt from taskflow.job j
   where j.tenant = attempt_of.tenant and j.id = attempt_of.id and j.claim_no = attempt_of.claim_no
     and j.lease_until is not null;
  if found then
    return v_attempt;
  elsif taskflow.settled_before(attempt_of.tenant, attempt_of.id, attempt_of.claim_no) <> 'already' then
    return null;
  end if;
  return coalesce(
    (select a.attempt from taskflow.attempt a
      where a.tenant = attempt_of.tenant and a.job_id = attempt_of.id and a.claim_no = attempt_of.claim_no
      limit 1),
    (select h.attempt from taskflow.job_history h
      where h.tenant = attempt_of.tenant and h.id = attempt_of.id and h.claim_no = attempt_of.claim_no
      limit 1),
    (select d.attempt from taskflow.dead_job d
      where d.tenant = attempt_of.tenant and d.id = attempt_of.id and d.claim_no = attempt_of.claim_no),
    0::smallint);
end
$$;
