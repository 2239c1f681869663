-- Runs dead jobs again, those that match every filter given, oldest first, at most `max_jobs`.
-- Answers how many were put back and how many were passed over because a live job holds their
-- unique key, or their run is stopping.
create or replace function taskflow.requeue(
  fingerprint text default null,
  task text default null,
  queue text default null,
  max_jobs integer default 1000,
  tenant text default null,
  out requeued integer,
  out conflicts integer
)
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
declare
  v_tenant text := taskflow.tenant_of(requeue.tenant);
  v_ids bigint[];
  v_id bigint;
begin
  requeued := 0;
  conflicts := 0;
  v_ids := array(
    select d.id from taskflow.dead_job d
     where d.tenant = v_tenant
       and (requeue.fingerprint is null or d.fingerprint = requeue.fingerprint)
       and (requeue.task is null or d.task = requeue.task)
       and (requeue.queue is null or d.queue = requeue.queue)
     order by d.id limit requeue.max_jobs);
  perform taskflow.lock_runs(v_tenant, v_ids);
  for v_id in
    select d.id from taskflow.dead_job d where d.tenant = v_tenant and d.id = any (v_ids) order by d.id for update skip locked
  loop
    begin
      perform taskflow.retry(v_id, v_tenant);
      requeued := requeued + 1;
    exception when sqlstate 'TF123' or sqlstate 'TF163' then
      conflicts := conflicts + 1;
    end;
  end loop;
end
$$;
