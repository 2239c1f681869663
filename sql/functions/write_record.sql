-- One record of record_many: 'applied', 'stale', 'full' (applied, and the attempt's log takes no more)
-- or 'refused' (it names no claim). Nothing in it raises an error, so that a batch needs no
-- subtransaction for each record. Internal.
create or replace function taskflow.write_record(item jsonb) returns text
language plpgsql volatile as $$
declare
  v_tenant text := coalesce(item ->> 'tenant', 'default');
  v_id bigint;
  v_claim_no bigint;
  v_attempt smallint;
  v_reports boolean := item ?| array['done', 'total', 'note'];
  v_new jsonb := item -> 'lines';
  v_row taskflow.job_progress;
  v_lines integer := 0;
  v_bytes bigint := 0;
  v_skip integer := 0;
begin
  if not coalesce(item ->> 'id' ~ '^\d{1,18}$' and item ->> 'claim_no' ~ '^\d{1,18}$', false) then
    return 'refused';
  end if;
  v_id := (item ->> 'id')::bigint;
  v_claim_no := (item ->> 'claim_no')::bigint;
  v_attempt := taskflow.attempt_of(v_tenant, v_id, v_claim_no);
  if v_attempt is null then
    return 'stale';
  end if;
  select * into v_row from taskflow.job_progress p
   where p.tenant = v_tenant and p.job_id = v_id for update;
  if v_row.claim_no = v_claim_no then
    v_lines := v_row.lines;
    v_bytes := v_row.bytes;
  elsif v_row.claim_no > v_claim_no then
    -- the next attempt has begun and the row is its; what this one has used up, its lines say
    select count(*), coalesce(sum(octet_length(l.message)), 0) into v_lines, v_bytes
      from taskflow.job_log l
     where l.tenant = v_tenant and l.job_id = v_id and l.claim_no = v_claim_no;
  end if;
  if jsonb_typeof(v_new) <> 'array' then
    v_new := jsonb_build_array(v_new);
  end if;
  if jsonb_array_length(v_new) > 0 then
    if item ->> 'first' ~ '^\d{1,9}$' then
      v_skip := least(greatest(v_lines - (item ->> 'first')::integer + 1, 0), jsonb_array_length(v_new));
    end if;
    v_bytes := v_bytes + taskflow.append_lines(v_tenant, v_id, v_claim_no, v_attempt, v_new, v_lines, v_bytes, v_skip);
    v_lines := v_lines + jsonb_array_length(v_new) - v_skip;
  end if;
  insert into taskflow.job_progress as p (job_id, claim_no, done, total, updated_at, look_at, lines, bytes, tenant, note)
  values (v_id, v_claim_no, taskflow.finite(item -> 'done'), taskflow.finite(item -> 'total'),
          case when v_reports then taskflow.now() end, taskflow.now() + interval '15 minutes',
          v_lines, v_bytes, v_tenant, translate(taskflow.plain_text(item ->> 'note', 500), E'\n\t', '  '))
  on conflict (tenant, job_id) do update
     set claim_no = excluded.claim_no, lines = excluded.lines, bytes = excluded.bytes,
         (done, total, note, updated_at) = (
           select excluded.done, excluded.total, excluded.note, excluded.updated_at
            where v_reports or p.claim_no < excluded.claim_no
            union all
           select p.done, p.total, p.note, p.updated_at
            where not v_reports and p.claim_no = excluded.claim_no)
   where p.claim_no <= excluded.claim_no;
  return case when v_lines > taskflow.config('max_log_lines')::integer
                or v_bytes > taskflow.config('max_log_bytes')::bigint then 'full' else 'applied' end;
end
$$;
