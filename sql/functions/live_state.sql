-- The state that people see of a job while it lives; NULL once it has finished. Internal.
create or replace function taskflow.live_state(tenant text, id bigint) returns text
language sql stable as $$
  select taskflow.state_of(j.state, j.run_at, j.attempt, j.priority, taskflow.now())
    from taskflow.job j where j.tenant = live_state.tenant and j.id = live_state.id
$$;
