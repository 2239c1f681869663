-- Says how far a running job is: `done` of `total`, and what it is at. For its worker, which names its
-- claim as in settle; each report replaces the one before. Answers 'applied', or 'stale' when the lease
-- was lost: then nothing is written. Once a second is plenty. Raises TF111 for NaN and the infinities.
create or replace function taskflow.progress(
  id bigint,
  claim_no bigint,
  done double precision,
  total double precision default null,
  note text default null,
  tenant text default 'default'
) returns text
language plpgsql volatile security definer set search_path = taskflow, pg_temp
-- as in renew: no plan made on a small table may read all of a large one
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
begin
  if taskflow.finite(to_jsonb(progress.done)) is null
     or (progress.total is not null and taskflow.finite(to_jsonb(progress.total)) is null) then
    raise exception 'progress is % of %, it must be a number', coalesce(progress.done::text, 'NULL'), coalesce(progress.total::text, 'NULL')
      using errcode = 'TF111', hint = 'Give done, and total or NULL, as plain numbers.';
  end if;
  -- 'full' is about the log, which this does not touch
  return coalesce(nullif(taskflow.write_record(jsonb_build_object(
    'id', progress.id, 'claim_no', progress.claim_no, 'tenant', progress.tenant, 'done', progress.done,
    'total', progress.total, 'note', progress.note)), 'full'), 'applied');
end
$$;
