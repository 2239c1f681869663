-- Gives a waiting job another priority. Raises TF111, TF120 (unknown), TF121 (running or finished).
create or replace function taskflow.set_priority(id bigint, priority text, tenant text default null) returns void
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
declare
  v_priority smallint := taskflow.priority_no(set_priority.priority);
  v_job taskflow.job;
begin
  if v_priority is null then
    raise exception 'priority % is not known', coalesce(quote_literal(left(set_priority.priority, 40)), 'NULL')
      using errcode = 'TF111', hint = 'Use critical, high, normal or low.';
  end if;
  v_job := taskflow.find_live(set_priority.id, taskflow.tenant_of(set_priority.tenant));
  if v_job.state = 'running' then
    raise exception 'job % is running', v_job.id using errcode = 'TF121', hint = 'Wait for its end, or cancel it.';
  end if;
  update taskflow.job j
     set priority = v_priority + j.priority / 10 * 10,
         run_at = greatest(j.run_at, taskflow.now())  -- ahead of the walks of all workers
   where j.tenant = v_job.tenant and j.id = v_job.id;
  if v_job.lane_id is not null and v_job.waits_for is null then
    perform taskflow.enter_lane(v_job, taskflow.now());
  elsif v_job.run_at <= taskflow.now() then
    perform taskflow.wake(v_job.queue);
  end if;
end
$$;
