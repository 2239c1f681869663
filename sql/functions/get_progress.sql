-- How far a job is, as its last report said; no row: it has not said anything. Who may see the job may
-- see this: see get_job. Kept a while beyond the job's end, and with a dead job as long as that is kept.
-- The job is looked for only where there is something to show, by the row's own tenant and id: most jobs
-- say nothing of their progress.
create or replace function taskflow.get_progress(id bigint, tenant text default null)
returns table (done double precision, total double precision, note text, claim_no bigint, updated_at timestamptz)
language sql stable security definer set search_path = taskflow, pg_temp as $$
  select p.done, p.total, p.note, p.claim_no, p.updated_at
    from taskflow.job_progress p
   where p.tenant = taskflow.tenant_of(get_progress.tenant) and p.job_id = get_progress.id
     and p.updated_at is not null
     and exists (select from taskflow.get_job(p.job_id, p.tenant))
$$;
