-- What a job returned, put together where it is stored in pieces; NULL without one, or before its end.
-- Who may see the job may see this: see get_job. Raises TF170 when it is stored outside this database,
-- or its pieces are gone.
create or replace function taskflow.get_result(id bigint, tenant text default null) returns jsonb
language plpgsql stable security definer set search_path = taskflow, pg_temp as $$
declare
  v_tenant text := taskflow.tenant_of(get_result.tenant);
  v_result jsonb;
  v_stored jsonb;
  v_bytes bytea;
begin
  select v.result into v_result from taskflow.get_job(get_result.id, v_tenant) v;
  v_stored := case when jsonb_typeof(v_result) = 'object' then v_result -> '$stored' end;
  if v_stored is null then
    return v_result;
  elsif v_stored ->> 'store' is distinct from 'postgres' then
    raise exception 'the result of job % is in the store %', get_result.id, coalesce(quote_literal(left(v_stored ->> 'store', 80)), 'NULL')
      using errcode = 'TF170', hint = 'Read it in Python, with an app that has this result_store.';
  end if;
  select string_agg(c.bytes, '' order by c.place) into v_bytes from taskflow.result_chunk c
   where c.tenant = v_tenant and c.job_id = get_result.id and c.claim_no::text = v_stored ->> 'claim_no';
  if octet_length(v_bytes)::text is distinct from v_stored ->> 'bytes' then
    raise exception 'the result of job % is not whole: % of % bytes are here', get_result.id, coalesce(octet_length(v_bytes), 0), v_stored ->> 'bytes'
      using errcode = 'TF170', hint = 'Its retention is over, or its pieces were removed by hand.';
  end if;
  return convert_from(v_bytes, 'UTF8')::jsonb;
end
$$;
