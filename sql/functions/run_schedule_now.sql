-- Makes a job of a schedule now, paused or not, beside its ticks: it counts neither for max_runs nor as
-- one of them. The overlap policy holds: with skip or queue it is refused while the job of an earlier
-- tick lives, cancel_old cancels that one. Answers the job's id. Locks: the schedule's row.
-- Raises TF150, TF121 (a job before lives), and what enqueue does.
create or replace function taskflow.run_schedule_now(name text, tenant text default null) returns bigint
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
declare
  v_now timestamptz := taskflow.now();
  v_s taskflow.schedule := taskflow.find_schedule(run_schedule_now.name, run_schedule_now.tenant);
  v_state text := case when v_s.overlap <> 'allow' then taskflow.live_state(v_s.tenant, v_s.last_job_id) end;
begin
  if v_state is not null and v_s.overlap = 'cancel_old' then
    perform taskflow.cancel(v_s.last_job_id, format('replaced by a run that %s asked for', taskflow.caller()), v_s.tenant);
  elsif v_state is not null then
    raise exception 'job % of schedule % is %', v_s.last_job_id, v_s.name, v_state
      using errcode = 'TF121', hint = format('Its overlap policy is %s. Wait for its end, or cancel it first.', v_s.overlap);
  end if;
  v_s.jitter := null;
  v_s.last_job_id := taskflow.schedule_job(v_s, v_now, v_now, format('run now by %s', taskflow.caller()));
  update taskflow.schedule s set last_job_id = v_s.last_job_id where s.tenant = v_s.tenant and s.name = v_s.name;
  return v_s.last_job_id;
end
$$;
