-- Stores one piece of a result that is too large for history: JSON in UTF-8, cut anywhere, the pieces
-- numbered from 0 and sent in order. Then settle, in the same transaction or after it, with the result
-- {"$stored": {"store": "postgres", "claim_no": CLAIM_NO, "bytes": BYTES_OF_ALL}}; get_result puts it
-- together. Piece 0 starts anew, and a piece may be sent again.
-- Answers 'applied', or 'stale' when the lease was lost or the job has its result: nothing is written.
-- Pieces that no settle has followed go with the upkeep after an hour, the others with history.
-- Raises TF114 when the pieces take more than max_result_bytes.
create or replace function taskflow.put_result(
  id bigint, claim_no bigint, place integer, bytes bytea, tenant text default 'default'
) returns text
language plpgsql volatile security definer set search_path = taskflow, pg_temp
-- as in renew: no plan made on a small table may read all of a large one
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
  v_before bigint;
begin
  if not exists (select from taskflow.job j
                  where j.tenant = put_result.tenant and j.id = put_result.id
                    and j.claim_no = put_result.claim_no and j.lease_until is not null)
     -- settled by its handler's own transaction, where the result was not known yet: see set_result
     and not exists (select from taskflow.job_history h
                      where h.tenant = put_result.tenant and h.id = put_result.id
                        and h.claim_no = put_result.claim_no and h.state = 'succeeded' and h.result is null) then
    return 'stale';
  end if;
  if put_result.place = 0 then
    delete from taskflow.result_chunk c
     where c.tenant = put_result.tenant and c.job_id = put_result.id and c.claim_no = put_result.claim_no;
  end if;
  select coalesce(sum(octet_length(c.bytes)), 0) into v_before from taskflow.result_chunk c
   where c.tenant = put_result.tenant and c.job_id = put_result.id and c.claim_no = put_result.claim_no
     and c.place <> put_result.place;
  if v_before + octet_length(put_result.bytes) > taskflow.config('max_result_bytes')::bigint then
    raise exception 'the result takes more than % bytes', taskflow.config('max_result_bytes')
      using errcode = 'TF114', hint = 'Store it elsewhere and return its key, or raise max_result_bytes in taskflow.config.';
  end if;
  insert into taskflow.result_chunk as c (job_id, claim_no, look_at, place, tenant, bytes)
  values (put_result.id, put_result.claim_no, case when put_result.place = 0 then taskflow.now() + interval '1 hour' end,
          put_result.place, put_result.tenant, put_result.bytes)
  on conflict on constraint result_chunk_pkey do update set bytes = excluded.bytes;
  return 'applied';
end
$$;
