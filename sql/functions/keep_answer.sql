-- Keeps the answer to a request with an Idempotency-Key; see find_answer.
create or replace function taskflow.keep_answer(
  actor text, route text, key text, request_hash bytea, status integer, headers jsonb, body bytea, tenant text default null
) returns void
language sql volatile security definer set search_path = taskflow, pg_temp as $$
  insert into taskflow.idempotency (tenant, actor, route, key, request_hash, status, headers, body, created_at)
  values (taskflow.tenant_of(keep_answer.tenant), keep_answer.actor, keep_answer.route, keep_answer.key, keep_answer.request_hash,
          keep_answer.status, keep_answer.headers, keep_answer.body, taskflow.now())
  on conflict on constraint idempotency_pkey do update
    set request_hash = excluded.request_hash, status = excluded.status, headers = excluded.headers, body = excluded.body,
        created_at = excluded.created_at
$$;
