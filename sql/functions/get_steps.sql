-- The durable steps of a job that are saved, in the order in which they were.
create or replace function taskflow.get_steps(id bigint, tenant text default null)
returns table (name text, claim_no bigint, result jsonb, saved_at timestamptz)
language sql stable security definer set search_path = taskflow, pg_temp as $$
  select s.name, s.claim_no, s.result, s.saved_at from taskflow.job_step s
   where s.tenant = taskflow.tenant_of(get_steps.tenant) and s.job_id = get_steps.id
   order by s.saved_at, s.name
$$;
