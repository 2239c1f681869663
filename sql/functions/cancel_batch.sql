-- Cancels the jobs of a batch that have not ended, at most 10,000 in a call, and closes it: those that
-- wait at once, those that run are asked to stop. `remaining` are those to call again for, because there
-- are more or because somebody else has them locked. Raises TF164 for an unknown batch.
create or replace function taskflow.cancel_batch(
  id bigint, reason text default null, tenant text default null, out cancelled integer, out requested integer, out remaining integer
)
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
declare
  v_tenant text := taskflow.tenant_of(cancel_batch.tenant);
  v_batch taskflow.batch := taskflow.find_batch(cancel_batch.id, v_tenant);
  v_ids bigint[];
  v_gone bigint[];
begin
  v_ids := array(
    select j.id from taskflow.batch_job m
     cross join lateral (
       select j.id from taskflow.job j
        where j.tenant = m.tenant and j.id = m.job_id and not j.cancel_requested offset 0) j
     where m.tenant = v_tenant and m.batch_id = v_batch.id and m.ended_as is null
     order by j.id limit 10000);
  v_gone := taskflow.cancel_jobs(v_tenant, v_ids, coalesce(cancel_batch.reason, 'batch cancelled by ' || taskflow.caller()));
  cancelled := coalesce(cardinality(v_gone), 0);
  if v_gone is not null then
    perform taskflow.tell_followers(v_tenant, v_gone, 'cancelled');
  end if;
  update taskflow.batch b
     set cancelled_at = coalesce(b.cancelled_at, taskflow.now()), closed_at = coalesce(b.closed_at, taskflow.now())
   where b.tenant = v_tenant and b.id = v_batch.id and b.finished_at is null
  returning * into v_batch;
  if found then
    perform taskflow.end_batch(v_batch);
  end if;
  select count(*) filter (where j.cancel_requested), count(*) filter (where not j.cancel_requested) into requested, remaining
    from taskflow.batch_job m
   cross join lateral (
     select j.cancel_requested from taskflow.job j where j.tenant = m.tenant and j.id = m.job_id offset 0) j
   where m.tenant = v_tenant and m.batch_id = v_batch.id and m.ended_as is null;
end
$$;
