-- Tells a repeated settle from a late one: 'already' when this claim was settled by its holder,
-- 'stale' when it was lost. Internal.
create or replace function taskflow.settled_before(tenant text, id bigint, claim_no bigint) returns text
language plpgsql stable as $$
#variable_conflict use_column
begin
  if exists (select from taskflow.attempt a
              where a.tenant = settled_before.tenant and a.job_id = settled_before.id
                and a.claim_no = settled_before.claim_no and a.outcome = 'lost') then
    return 'stale';
  elsif exists (select from taskflow.job_history h
                 where h.tenant = settled_before.tenant and h.id = settled_before.id
                   and h.claim_no = settled_before.claim_no)
     or exists (select from taskflow.dead_job d
                 where d.tenant = settled_before.tenant and d.id = settled_before.id
                   and d.claim_no = settled_before.claim_no)
     or exists (select from taskflow.attempt a
                 where a.tenant = settled_before.tenant and a.job_id = settled_before.id
                   and a.claim_no = settled_before.claim_no)
     or exists (select from taskflow.job j
                 where j.tenant = settled_before.tenant and j.id = settled_before.id
                   and j.claim_no = settled_before.claim_no and j.claim_no > 0 and j.lease_until is null) then
    return 'already';
  else
    return 'stale';
  end if;
end
$$;
