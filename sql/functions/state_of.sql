-- The state that people see of a live job. Scheduled and retrying are ready rows seen in time:
-- stored states would need a writer at the moment each job falls due. A due job that stands aside, for
-- room under a limit or as a suspect, is blocked, whether or not it ran before.
create or replace function taskflow.state_of(
  state taskflow.job_state, run_at timestamptz, attempt smallint, priority smallint, at_time timestamptz
) returns text
language sql immutable parallel safe as $$
  select case
    when state <> 'ready' then state::text
    when priority >= 10 and run_at <= at_time then 'blocked'
    when attempt > 0 then 'retrying'
    when run_at > at_time then 'scheduled'
    else 'available'
  end
$$;
