-- Adds the handler's return value to a job that was settled inside the handler's own transaction,
-- where the value was not known yet; NULL says that there is none. Either way the job's reason does not
-- say 'result pending' any more. A value over max_result_bytes or 64 levels is none.
create or replace function taskflow.set_result(id bigint, claim_no bigint, result jsonb, tenant text default 'default')
returns void
language sql volatile security definer set search_path = taskflow, pg_temp as $$
  update taskflow.job_history h
     set result = case when taskflow.result_ok(set_result.result, taskflow.config('max_result_bytes')::integer)
                    then set_result.result end,
         reason = nullif(h.reason, 'result pending')
   where h.tenant = set_result.tenant and h.id = set_result.id and h.claim_no = set_result.claim_no
     and h.state = 'succeeded' and h.result is null
$$;
