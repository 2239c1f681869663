-- Removes progress and steps of jobs that will not run again, and results in pieces that no settle has
-- followed or whose history is over. Rows say when to look at them: from an index, at most 50,000 at a
-- call (10,000 results), and again later where the job still needs them. A dead or cancelled job does:
-- run again, it must not repeat a step that is done. Answers how many rows went or were looked at;
-- 50,000 means that there are more. By ctid: a join may be planned from the wrong side, and rows times
-- rows is minutes. Internal.
create or replace function taskflow.sweep_records(at_time timestamptz) returns bigint
language plpgsql volatile
-- as in renew: no plan made on a small table may read all of a large one
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
  v_progress bigint;
  v_chunks bigint;
begin
  with due as materialized (
    select p.ctid as row_id, p.tenant, p.job_id,
           exists (select from taskflow.job j where j.tenant = p.tenant and j.id = p.job_id)
           or exists (select from taskflow.dead_job d where d.tenant = p.tenant and d.id = p.job_id)
           or exists (select from taskflow.job_history h
                       where h.tenant = p.tenant and h.id = p.job_id and h.state = 'cancelled') as needed
      from taskflow.job_progress p
     where p.look_at <= at_time
     order by p.look_at limit 50000 for update skip locked),
  later as (
    update taskflow.job_progress p set look_at = at_time + interval '1 hour'
     where p.ctid = any (array(select d.row_id from due d where d.needed))),
  steps as (
    delete from taskflow.job_step s
     where s.ctid = any (array(
       select x.row_id
         from due d cross join lateral (
           select s.ctid as row_id from taskflow.job_step s
            where s.tenant = d.tenant and s.job_id = d.job_id offset 0) x
        where not d.needed))),
  gone as (
    delete from taskflow.job_progress p
     where p.ctid = any (array(select d.row_id from due d where not d.needed)))
  select count(*) into v_progress from due;
  with due as materialized (
    select c.ctid as row_id, c.tenant, c.job_id, c.claim_no,
           coalesce(
             (select greatest(h.finished_at + taskflow.config('history_retention')::interval, at_time) + interval '1 day'
                from taskflow.job_history h
               where h.tenant = c.tenant and h.id = c.job_id and h.claim_no = c.claim_no and h.state = 'succeeded'
               limit 1),
             (select at_time + interval '1 hour' from taskflow.job j
               where j.tenant = c.tenant and j.id = c.job_id and j.claim_no = c.claim_no
                 and j.lease_until is not null)) as next_look
      from taskflow.result_chunk c
     where c.look_at <= at_time
     order by c.look_at limit 10000 for update skip locked),
  later as (
    update taskflow.result_chunk c set look_at = d.next_look
      from due d
     where d.next_look is not null and c.ctid = d.row_id),
  gone as (
    delete from taskflow.result_chunk c
     where c.ctid = any (array(
       select x.row_id
         from due d cross join lateral (
           select c.ctid as row_id from taskflow.result_chunk c
            where c.tenant = d.tenant and c.job_id = d.job_id and c.claim_no = d.claim_no offset 0) x
        where d.next_look is null)))
  select count(*) into v_chunks from due;
  return greatest(v_progress, case when v_chunks >= 10000 then 50000 else v_chunks end);
end
$$;
