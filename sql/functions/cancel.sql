-- Cancels a job. One that waits is cancelled at once: 'cancelled'. One that runs is asked to stop,
-- and its worker learns of it at once or, if the wake-up is lost, within a third of the lease:
-- 'requested'; should it finish first, its result stands. One that has finished: 'finished'.
-- Raises TF120 for an unknown job.
create or replace function taskflow.cancel(id bigint, reason text default null, tenant text default null)
returns text
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
declare
  v_tenant text := taskflow.tenant_of(cancel.tenant);
  v_job taskflow.job;
begin
  v_job := taskflow.find_live(cancel.id, v_tenant);
  if v_job.state = 'running' then
    update taskflow.job j
       set cancel_requested = true, cancel_reason = left(coalesce(cancel.reason, 'cancelled by ' || taskflow.caller()), 1000)
     where j.tenant = v_tenant and j.id = cancel.id;
    perform pg_notify('taskflow', 'cancel ' || v_job.worker_id);
    return 'requested';
  end if;
  perform taskflow.archive(v_job, 'cancelled', taskflow.now(),
                           left(coalesce(cancel.reason, 'cancelled by ' || taskflow.caller()), 1000), null);
  return 'cancelled';
exception when sqlstate 'TF121' then
  return 'finished';
end
$$;
