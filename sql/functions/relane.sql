-- Puts waiting jobs where the limits that hold now want them: into a lane, another one, or back into the
-- ready line. Internal.
create or replace function taskflow.relane(tenant text, job_ids bigint[]) returns void
language plpgsql volatile as $$
declare
  v_now timestamptz := taskflow.now();
  v_job taskflow.job;
  v_lane bigint;
begin
  for v_job in
    select * from taskflow.job j
     where j.tenant = relane.tenant and j.id = any (job_ids) and j.state <> 'running' order by j.id for update
  loop
    v_lane := taskflow.find_lane(v_job.tenant, v_job.queue, v_job.task, v_job.args);
    if v_lane is distinct from v_job.lane_id then
      update taskflow.job j
         set lane_id = v_lane,
             priority = j.priority % 10 + case when v_lane is not null or j.waits_for is not null then 10 else 0 end,
             -- ahead of the walks of all workers, which have passed its old place
             run_at = case when v_lane is null then greatest(j.run_at, v_now) else j.run_at end
       where j.tenant = v_job.tenant and j.id = v_job.id;
      v_job.lane_id := v_lane;
    end if;
    if v_lane is not null and v_job.waits_for is null then
      perform taskflow.enter_lane(v_job, v_job.run_at);
    end if;
  end loop;
end
$$;
