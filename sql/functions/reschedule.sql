-- Moves a waiting job to another run time; one that has passed means now, so that the job does not
-- seem to have waited since then. Raises TF120 (unknown), TF121 (running or finished), TF112 (more
-- than ten years away).
create or replace function taskflow.reschedule(id bigint, run_at timestamptz, tenant text default null)
returns void
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
declare
  v_now timestamptz := taskflow.now();
  v_job taskflow.job;
begin
  if reschedule.run_at is null
     or reschedule.run_at not between v_now - interval '10 years' and v_now + interval '10 years' then
    raise exception 'run time % is more than ten years away', coalesce(reschedule.run_at::text, 'NULL')
      using errcode = 'TF112', hint = 'Cancel a job that is not wanted.';
  end if;
  v_job := taskflow.find_live(reschedule.id, taskflow.tenant_of(reschedule.tenant));
  if v_job.state = 'running' then
    raise exception 'job % is running', v_job.id
      using errcode = 'TF121', hint = 'Cancel it, or wait for its end.';
  end if;
  update taskflow.job j set run_at = greatest(reschedule.run_at, v_now) where j.tenant = v_job.tenant and j.id = v_job.id;
  if v_job.lane_id is not null and v_job.waits_for is null then
    perform taskflow.enter_lane(v_job, greatest(reschedule.run_at, v_now));
  end if;
  if reschedule.run_at <= v_now then
    perform taskflow.wake(v_job.queue);
  end if;
end
$$;
