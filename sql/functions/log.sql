-- Adds lines to the log of a running attempt: a JSON array of texts or of {"level", "logger", "message",
-- "age"}, with the level debug, info, warning, error or critical, and the age in seconds. For its
-- worker, which names its claim as in settle. At most max_log_lines and max_log_bytes are kept of an
-- attempt, 8,192 characters of a line. Answers 'applied', 'full' (the attempt's log takes no more) or
-- 'stale' (the lease was lost, nothing is written).
create or replace function taskflow.log(id bigint, claim_no bigint, lines jsonb, tenant text default 'default')
returns text
language sql volatile security definer set search_path = taskflow, pg_temp
-- as in renew: no plan made on a small table may read all of a large one
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
  select taskflow.write_record(jsonb_build_object(
    'id', log.id, 'claim_no', log.claim_no, 'tenant', log.tenant, 'lines', coalesce(log.lines, '[]')))
$$;
