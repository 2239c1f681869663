-- Runs a job again now: a waiting one without its pause, a dead or cancelled one with all its
-- attempts. It keeps its id, its creation time and its claim number, which never goes back. A run that
-- failed with the job as its step goes on, from all its failed steps; a batch counts it anew.
-- Raises TF120 (unknown), TF121 (running or succeeded), TF123 (a live job holds its unique key), TF163
-- (it is a step of a run that is stopping).
create or replace function taskflow.retry(id bigint, tenant text default null) returns void
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
declare
  v_tenant text := taskflow.tenant_of(retry.tenant);
  v_state text := taskflow.finished_state(retry.id, v_tenant);
begin
  if v_state is null then
    perform taskflow.reschedule(retry.id, taskflow.now(), v_tenant);
    return;
  elsif v_state = 'succeeded' then
    raise exception 'job % has succeeded', retry.id
      using errcode = 'TF121', hint = 'Enqueue a new one to run the task again.';
  end if;
  perform taskflow.lock_runs(v_tenant, array[retry.id]);
  if taskflow.bring_back(v_tenant, array[retry.id]) is not null then
    perform taskflow.follow_again(v_tenant, retry.id);
  end if;
exception when unique_violation then
  raise exception 'a live job holds the unique key of job %', retry.id
    using errcode = 'TF123', hint = 'Wait for its end, or cancel it first.';
end
$$;
