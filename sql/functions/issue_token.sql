-- Keeps the hash of a secret that works once: kind refresh, link or ticket. Internal to the API.
create or replace function taskflow.issue_token(
  tenant text, kind text, hash bytea, lifetime interval, user_id bigint default null, key_id bigint default null,
  family text default null
) returns void
language sql volatile security definer set search_path = taskflow, pg_temp as $$
  insert into taskflow.api_token (tenant, hash, kind, user_id, key_id, family, created_at, expires_at)
  values (issue_token.tenant, issue_token.hash, issue_token.kind, issue_token.user_id, issue_token.key_id,
          issue_token.family, taskflow.now(), taskflow.now() + lifetime)
$$;
