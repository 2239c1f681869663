-- The log of a job in the order in which it was written, from after line `after_seq` on; `attempt` picks
-- one attempt. Ask again with the last seq for what has come since. At most 10,000 lines at a call.
create or replace function taskflow.get_logs(
  id bigint, after_seq bigint default 0, max_lines integer default 1000, attempt integer default null,
  tenant text default null
) returns table (
  seq bigint, attempt smallint, claim_no bigint, logged_at timestamptz, level text, logger text, message text
)
language sql stable security definer set search_path = taskflow, pg_temp as $$
  select l.seq, l.attempt, l.claim_no, l.logged_at, l.level, l.logger, l.message
    from taskflow.job_log l
   where l.tenant = taskflow.tenant_of(get_logs.tenant) and l.job_id = get_logs.id
     and l.seq > coalesce(get_logs.after_seq, 0)
     and (get_logs.attempt is null or l.attempt = get_logs.attempt)
   order by l.seq
   limit least(greatest(coalesce(get_logs.max_lines, 1000), 0), 10000)
$$;
