-- The progress of a running claim in words, as in "40 of 100: rendering.", and as detail for explain.
-- One row, of NULLs when this claim has reported nothing. Internal.
create or replace function taskflow.progress_said(tenant text, id bigint, claim_no bigint, at_time timestamptz)
returns table (said text, detail jsonb)
language sql stable as $$
  select p.done || coalesce(' of ' || p.total, '') || coalesce(': ' || p.note, '')
         || case when p.updated_at < at_time - interval '1 minute'
                 then format(', as of %s ago', taskflow.span_text(at_time - p.updated_at)) else '' end || '.',
         case when p.done is not null then jsonb_build_object('done', p.done, 'total', p.total, 'note', p.note, 'reported_at', p.updated_at) end
    from (select 1) one
    left join taskflow.job_progress p on p.tenant = progress_said.tenant and p.job_id = progress_said.id
          and p.claim_no = progress_said.claim_no
$$;
