-- What became of an earlier request with this Idempotency-Key: `new` (go on, and keep_answer in the same
-- transaction), `busy` (it is under way), `mismatch` (it had another body), or `replay` with its answer. The
-- lock that tells `busy` is held until the end of the transaction, which is also when the answer is there.
create or replace function taskflow.find_answer(
  actor text, route text, key text, request_hash bytea, tenant text default null,
  out standing text, out status integer, out headers text, out body bytea
)
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
#variable_conflict use_column
declare
  v_tenant text := taskflow.tenant_of(find_answer.tenant);
  v_found taskflow.idempotency;
begin
  if not pg_try_advisory_xact_lock(hashtextextended(concat_ws(chr(31), v_tenant, actor, route, key), 8)) then
    standing := 'busy';
    return;
  end if;
  select i.* into v_found from taskflow.idempotency i
   where i.tenant = v_tenant and i.actor = find_answer.actor and i.route = find_answer.route and i.key = find_answer.key
     and i.created_at > taskflow.now() - taskflow.config('idempotency_retention')::interval;
  standing := case when v_found.key is null then 'new'
                   when v_found.request_hash <> find_answer.request_hash then 'mismatch' else 'replay' end;
  if standing = 'replay' then
    status := v_found.status; headers := v_found.headers::text; body := v_found.body;
  end if;
end
$$;
