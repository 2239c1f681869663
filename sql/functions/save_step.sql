-- Saves the result of a durable step, so that later attempts of the job need not do it again. Answers
-- 'applied', 'already' (it is saved; a repeat after a lost reply is safe) or 'stale' (the lease was lost,
-- nothing is written). Called in the transaction of the step's own writes, both stand or fall together.
-- Locks: the job's row against another claim, not against renewals, until the transaction ends.
-- Raises TF110 for a name outside 1 to 200 characters or with control characters, TF114 for a result
-- over max_result_bytes or 64 levels, TF122 beyond max_steps.
create or replace function taskflow.save_step(
  id bigint, claim_no bigint, name text, result jsonb, tenant text default 'default'
) returns text
language plpgsql volatile security definer set search_path = taskflow, pg_temp
-- as in renew: no plan made on a small table may read all of a large one
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
begin
  if save_step.name is null or length(save_step.name) not between 1 and 200 or save_step.name ~ '[[:cntrl:]]' then
    raise exception 'step name % is not valid', coalesce(quote_literal(left(save_step.name, 80)), 'NULL')
      using errcode = 'TF110', hint = 'Use 1 to 200 characters, none of them control characters.';
  elsif not taskflow.result_ok(save_step.result, taskflow.config('max_result_bytes')::integer) then
    raise exception 'the result of step % takes more than % bytes or 64 levels', quote_literal(save_step.name), taskflow.config('max_result_bytes')
      using errcode = 'TF114', hint = 'Store it elsewhere and return its key.';
  end if;
  perform from taskflow.job j
    where j.tenant = save_step.tenant and j.id = save_step.id and j.claim_no = save_step.claim_no
      and j.lease_until is not null
      for key share;
  if not found then
    return 'stale';
  end if;
  if exists (select from taskflow.job_step s
              where s.tenant = save_step.tenant and s.job_id = save_step.id and s.name = save_step.name) then
    return 'already';
  elsif (select count(*) from taskflow.job_step s
          where s.tenant = save_step.tenant and s.job_id = save_step.id) >= taskflow.config('max_steps')::integer then
    raise exception 'job % has % steps, which is the most', save_step.id, taskflow.config('max_steps')
      using errcode = 'TF122', hint = 'Save several results in one step, or raise max_steps in taskflow.config.';
  end if;
  insert into taskflow.job_step (job_id, claim_no, saved_at, tenant, name, result)
  values (save_step.id, save_step.claim_no, taskflow.now(), save_step.tenant, save_step.name, save_step.result)
  on conflict do nothing;
  if not found then
    return 'already';
  end if;
  -- the row that makes upkeep look after the job's end
  insert into taskflow.job_progress (job_id, claim_no, look_at, tenant)
  values (save_step.id, save_step.claim_no, taskflow.now() + interval '15 minutes', save_step.tenant)
  on conflict do nothing;
  return 'applied';
end
$$;
