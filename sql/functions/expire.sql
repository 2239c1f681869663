-- Buries jobs that were not started by their deadline, as 'expired'; from those that were, put_back has
-- taken it. Claims pass them by; this moves them, a few hundred at a call, from an index that only jobs
-- with a deadline are in. Internal.
create or replace function taskflow.expire(at_time timestamptz) returns integer
language plpgsql volatile as $$
declare
  v_job taskflow.job;
  v_count integer := 0;
begin
  for v_job in
    select * from taskflow.job j
     where j.deadline <= at_time and j.state = 'ready'
     order by j.deadline limit 500 for update skip locked
  loop
    continue when coalesce(v_job.is_followed, false) and not taskflow.can_tell(v_job.tenant, v_job.id);
    perform taskflow.bury(v_job, at_time, 'expired', null);
    v_count := v_count + 1;
  end loop;
  return v_count;
end
$$;
