-- How a job ended: succeeded, cancelled, dead, or NULL when it has not or is unknown. Internal.
create or replace function taskflow.finished_state(id bigint, tenant text) returns text
language sql stable as $$
  select coalesce(
    (select 'dead' from taskflow.dead_job d
      where d.tenant = finished_state.tenant and d.id = finished_state.id),
    (select h.state::text from taskflow.job_history h
      where h.tenant = finished_state.tenant and h.id = finished_state.id
      order by h.finished_at desc limit 1))
$$;
