-- Runs a job again now: a waiting one without its pause, a dead or cancelled one with all its
-- attempts. It keeps its id, its creation time and its claim number, which never goes back.
-- Raises TF120 (unknown), TF121 (running or succeeded), TF123 (a live job holds its unique key).
create or replace function taskflow.retry(id bigint, tenant text default null) returns void
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
declare
  v_tenant text := coalesce(retry.tenant, taskflow.current_tenant());
  v_state text := taskflow.finished_state(retry.id, v_tenant);
  v_now timestamptz := taskflow.now();
begin
  if v_state is null then
    perform taskflow.reschedule(retry.id, v_now, v_tenant);
    return;
  elsif v_state = 'succeeded' then
    raise exception 'job % has succeeded', retry.id
      using errcode = 'TF121', hint = 'Enqueue a new one to run the task again.';
  end if;
  with gone_dead as (
    delete from taskflow.dead_job d where d.tenant = v_tenant and d.id = retry.id returning d.*),
  gone_cancelled as (
    delete from taskflow.job_history h
     where h.tenant = v_tenant and h.id = retry.id and h.state = 'cancelled' returning h.*),
  back as (
    select d.id, d.created_at, d.claim_no, d.max_attempts, d.priority, d.timeout, d.tenant, d.queue,
           d.task, d.created_by, d.unique_key, d.unique_scope, d.args_version, d.tags, d.args, d.meta from gone_dead d
    union all
    select h.id, h.created_at, h.claim_no, h.max_attempts, h.priority, h.timeout, h.tenant, h.queue,
           h.task, h.created_by, h.unique_key, h.unique_scope, h.args_version, h.tags, h.args, h.meta from gone_cancelled h)
  insert into taskflow.job (id, run_at, created_at, claim_no, max_attempts, priority, timeout, tenant,
                            queue, task, created_by, unique_key, unique_scope, args_version, tags, args, meta)
  select b.id, v_now, b.created_at, b.claim_no, b.max_attempts, b.priority, b.timeout, b.tenant,
         b.queue, b.task, b.created_by, b.unique_key, b.unique_scope, b.args_version, b.tags, b.args, b.meta from back b;
  perform taskflow.relane(v_tenant, array[retry.id]);
  perform taskflow.wake(j.queue) from taskflow.job j where j.tenant = v_tenant and j.id = retry.id;
exception when unique_violation then
  raise exception 'a live job holds the unique key of job %', retry.id
    using errcode = 'TF123', hint = 'Wait for its end, or cancel it first.';
end
$$;
