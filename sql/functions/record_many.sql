-- What running jobs have to say, in one round trip: how far they are and lines of their logs. `records`
-- is a JSON array of {"id", "claim_no", "tenant", "done", "total", "note", "lines", "first"}, all but
-- the first two optional. "lines" are texts or {"level", "logger", "message", "age"}, with the level
-- debug, info, warning, error or critical, and the age in seconds. "first" is the number of the first
-- line within its attempt, from 1: with it a batch may be sent again, and lines that are there are
-- passed over.
-- Answers a row for each record that was not simply applied: 'stale' (the lease was lost, nothing is
-- written), 'full' (written, but the log of this attempt takes no more) or 'refused' (malformed).
-- Locks: the jobs' rows in job_progress; never the jobs, so reports hold up neither renewals nor settles.
create or replace function taskflow.record_many(records jsonb)
returns table (id bigint, claim_no bigint, status text)
language plpgsql volatile security definer set search_path = taskflow, pg_temp
-- as in renew: no plan made on a small table may read all of a large one
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
#variable_conflict use_column
declare
  v_record jsonb;
  v_status text;
begin
  -- in the order of ids: two workers of which one has lost jobs to the other must not deadlock
  for v_record in
    select r from jsonb_array_elements(case when jsonb_typeof(records) = 'array' then records else '[]' end) r
     order by coalesce(r ->> 'tenant', 'default'), r -> 'id', r -> 'claim_no'
  loop
    v_status := taskflow.write_record(v_record);
    if v_status <> 'applied' then
      return query select case when v_status <> 'refused' then (v_record ->> 'id')::bigint end,
                          case when v_status <> 'refused' then (v_record ->> 'claim_no')::bigint end, v_status;
    end if;
  end loop;
end
$$;
