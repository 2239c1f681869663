-- Puts jobs into an open batch, at most 10,000 in a call. Those that have ended count at once. Answers how
-- many were put in; those that are in it already are not counted.
-- Locks: the jobs that live, until the transaction ends, so keep it short; then the batch.
-- Raises TF111 for too many, TF120 for an unknown job, TF164 for an unknown batch, TF165 when it is closed
-- or a job is in another one.
create or replace function taskflow.put_in_batch(batch_id bigint, ids bigint[], tenant text default null) returns integer
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
declare
  v_tenant text := taskflow.tenant_of(put_in_batch.tenant);
  v_ids bigint[] := array(select distinct i from unnest(ids) i where i is not null order by i);
  v_batch taskflow.batch := taskflow.find_batch(put_in_batch.batch_id, v_tenant);
  v_found record;
  v_count integer;
begin
  if cardinality(v_ids) > 10000 then
    raise exception '% jobs in one call, the limit is 10000', cardinality(v_ids) using errcode = 'TF111', hint = 'Split the call.';
  end if;
  perform from taskflow.job j where j.tenant = v_tenant and j.id = any (v_ids) order by j.id for no key update;
  select * into v_batch from taskflow.batch b where b.tenant = v_tenant and b.id = v_batch.id for no key update;
  if v_batch.closed_at is not null then
    raise exception 'batch % is closed', v_batch.id using errcode = 'TF165', hint = 'Open a new one for further jobs.';
  end if;
  select m.job_id, m.batch_id into v_found from taskflow.batch_job m
   where m.tenant = v_tenant and m.job_id = any (v_ids) and m.batch_id <> v_batch.id limit 1;
  if found then
    raise exception 'job % is in batch %', v_found.job_id, v_found.batch_id using errcode = 'TF165', hint = 'A job is in one batch at most.';
  end if;
  update taskflow.job j set is_followed = true where j.tenant = v_tenant and j.id = any (v_ids) and j.is_followed is null;
  insert into taskflow.batch_job (tenant, job_id, batch_id)
  select v_tenant, i, v_batch.id from unnest(v_ids) i on conflict do nothing;
  get diagnostics v_count = row_count;
  update taskflow.batch b set total = b.total + v_count where b.tenant = v_tenant and b.id = v_batch.id;
  for v_found in
    select array_agg(i) as ids, taskflow.finished_state(i, v_tenant) as state from unnest(v_ids) i
     where not exists (select from taskflow.job j where j.tenant = v_tenant and j.id = i)
     group by 2 order by 2 nulls first
  loop
    if v_found.state is null then
      raise exception 'job % does not exist', v_found.ids[1] using errcode = 'TF120', hint = 'It was never committed, or its retention is over.';
    end if;
    perform taskflow.count_batches(v_tenant, v_found.ids, v_found.state);
  end loop;
  return v_count;
end
$$;
