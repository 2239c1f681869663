-- The state that people see of a live job. Scheduled and retrying are ready rows seen in time:
-- stored states would need a writer at the moment each job falls due. A due job under a limit is
-- blocked until a claim finds room for it.
create or replace function taskflow.state_of(
  state taskflow.job_state, run_at timestamptz, attempt smallint, priority smallint, at_time timestamptz
) returns text
language sql immutable parallel safe as $$
  select case
    when state <> 'ready' then state::text
    when attempt > 0 then 'retrying'
    when run_at > at_time then 'scheduled'
    when priority >= 10 then 'blocked'
    else 'available'
  end
$$;
