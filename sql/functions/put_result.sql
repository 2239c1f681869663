-- Stores one piece of a result that is too large for history: UTF-8 JSON text cut anywhere, pieces
-- numbered from 0, in order. Then settle with the reference
--   {"$stored": {"store": "postgres", "claim_no": CLAIM_NO, "bytes": ALL_BYTES}}
-- as result, in the same transaction or after it; get_result puts it together. Piece 0 starts anew; a
-- piece may be sent again. Answers 'applied', or 'stale' when the lease was lost: nothing is written.
-- Pieces whose settle was refused go with the next upkeep after an hour, the others with history.
-- Raises TF114 when the pieces take more than max_result_bytes.
create or replace function taskflow.put_result(
  id bigint, claim_no bigint, place integer, bytes bytea, tenant text default 'default'
) returns text
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
declare
  v_now timestamptz := taskflow.now();
  v_before bigint;
begin
  -- This table first, then those that attempt_of reads: maintain locks them in this order.
  delete from taskflow.result_chunk c
   where c.tenant = put_result.tenant and c.job_id = put_result.id and c.claim_no = put_result.claim_no
     and (c.place = put_result.place or put_result.place = 0);
  if taskflow.attempt_of(put_result.tenant, put_result.id, put_result.claim_no) is null then
    return 'stale';
  end if;
  select coalesce(sum(octet_length(c.bytes)), 0) into v_before from taskflow.result_chunk c
   where c.tenant = put_result.tenant and c.job_id = put_result.id and c.claim_no = put_result.claim_no;
  if v_before + octet_length(put_result.bytes) > taskflow.config('max_result_bytes')::bigint then
    raise exception 'the result takes more than % bytes', taskflow.config('max_result_bytes')
      using errcode = 'TF114', hint = 'Store it elsewhere and return its key, or raise max_result_bytes in taskflow.config.';
  end if;
  insert into taskflow.result_chunk (job_id, claim_no, stored_at, look_at, place, tenant, bytes)
  values (put_result.id, put_result.claim_no, v_now, case when put_result.place = 0 then v_now + interval '1 hour' end,
          put_result.place, put_result.tenant, put_result.bytes);
  return 'applied';
end
$$;
