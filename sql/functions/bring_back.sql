-- Puts dead and cancelled jobs back as they were, due now, with all their attempts: each keeps its id, its
-- creation time and its claim number. Answers the ids. Internal.
create or replace function taskflow.bring_back(tenant text, ids bigint[]) returns bigint[]
language plpgsql volatile as $$
declare
  v_back bigint[];
  v_queue text;
begin
  with gone_dead as (
    delete from taskflow.dead_job d where d.tenant = bring_back.tenant and d.id = any (ids) returning d.*),
  gone_cancelled as (
    delete from taskflow.job_history h
     where h.tenant = bring_back.tenant and h.id = any (ids) and h.state = 'cancelled' returning h.*),
  found as (
    select d.id, d.created_at, d.claim_no, d.max_attempts, d.priority, d.timeout, d.tenant, d.queue,
           d.task, d.created_by, d.unique_key, d.unique_scope, d.args_version, d.tags, d.args, d.meta from gone_dead d
    union all
    select h.id, h.created_at, h.claim_no, h.max_attempts, h.priority, h.timeout, h.tenant, h.queue,
           h.task, h.created_by, h.unique_key, h.unique_scope, h.args_version, h.tags, h.args, h.meta from gone_cancelled h),
  back as (
    insert into taskflow.job (id, run_at, created_at, claim_no, max_attempts, priority, timeout, tenant,
                              queue, task, created_by, unique_key, unique_scope, args_version, tags, args, meta)
    select f.id, taskflow.now(), f.created_at, f.claim_no, f.max_attempts, f.priority, f.timeout, f.tenant,
           f.queue, f.task, f.created_by, f.unique_key, f.unique_scope, f.args_version, f.tags, f.args, f.meta from found f order by f.id
    returning id)
  select array_agg(b.id order by b.id) into v_back from back b;
  perform taskflow.relane(bring_back.tenant, v_back);
  for v_queue in
    select distinct j.queue from taskflow.job j where j.tenant = bring_back.tenant and j.id = any (v_back)
  loop
    perform taskflow.wake(v_queue);
  end loop;
  return v_back;
end
$$;
