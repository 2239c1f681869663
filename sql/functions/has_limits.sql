-- Whether a limit may hold for such a job: what plain jobs pay for limits. Internal.
create or replace function taskflow.has_limits(tenant text, queue text, task text) returns boolean
language sql stable parallel safe as $$
  select exists (select from taskflow.job_limit l
                  where l.tenant = has_limits.tenant and (l.queue = has_limits.queue or l.task = has_limits.task))
$$;
