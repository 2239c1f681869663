-- Moves a waiting job to another queue, where it waits in line by its run time.
-- Raises TF110, TF120 (unknown), TF121 (running or finished), TF123 (its unique key is taken there).
create or replace function taskflow.move_job(id bigint, queue text, tenant text default null) returns void
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
declare
  v_now timestamptz := taskflow.now();
  v_job taskflow.job;
begin
  perform taskflow.check_name('queue', move_job.queue);
  v_job := taskflow.find_live(move_job.id, taskflow.tenant_of(move_job.tenant));
  if v_job.state = 'running' then
    raise exception 'job % is running', v_job.id using errcode = 'TF121', hint = 'Wait for its end, or cancel it.';
  end if;
  -- ahead of the walks of all workers there
  update taskflow.job j set queue = move_job.queue, run_at = greatest(j.run_at, v_now)
   where j.tenant = v_job.tenant and j.id = v_job.id;
  perform taskflow.relane(v_job.tenant, array[v_job.id]);
  if v_job.run_at <= v_now then
    perform taskflow.wake(move_job.queue);
  end if;
exception when unique_violation then
  raise exception 'a live job of queue % holds the unique key of job %', move_job.queue, move_job.id
    using errcode = 'TF123', hint = 'Wait for its end, or cancel it first.';
end
$$;
