-- Makes a source of incoming webhooks, or edits the one of this name; each webhook that it gets becomes a job of
-- `task`. Answers the secret of a new one, or a secret that was given; else NULL.
--
--   scheme     how its webhooks are signed: standard (the default; Standard Webhooks), github or stripe
--   mapping    body: the JSON object that came is the job's arguments. envelope: they are {"body", "headers"}, with
--              those of the request's `headers` that are named here. body is the default
--   queue      where its jobs wait; by default the task's
--   tolerance  how old a signature may be, for schemes that have a time; 5 minutes
--   secret     what the sender signs with; left out, one is made
--
-- Editing keeps what is not given. Raises TF110, TF111.
create or replace function taskflow.put_source(
  name text,
  task text default null,
  scheme text default null,
  mapping text default null,
  headers text[] default null,
  queue text default null,
  tolerance interval default null,
  secret text default null,
  tenant text default null
) returns text
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
#variable_conflict use_variable
declare
  v_s taskflow.webhook_source;
  v_is_new boolean;
begin
  perform taskflow.check_name('source', name);
  tenant := taskflow.tenant_of(tenant);
  select * into v_s from taskflow.webhook_source s where s.tenant = put_source.tenant and s.name = put_source.name for update;
  v_is_new := not found;
  v_s.tenant := tenant;
  v_s.name := name;
  v_s.created_at := coalesce(v_s.created_at, taskflow.now());
  v_s.created_by := coalesce(v_s.created_by, taskflow.caller());
  v_s.updated_at := taskflow.now();
  v_s.version := coalesce(v_s.version, 0) + 1;
  v_s.task := coalesce(task, v_s.task);
  v_s.scheme := coalesce(scheme, v_s.scheme, 'standard');
  v_s.mapping := coalesce(mapping, v_s.mapping, 'body');
  v_s.headers := coalesce((select array_agg(lower(h)) from unnest(headers) h), v_s.headers, '{}');
  v_s.queue := coalesce(queue, v_s.queue);
  v_s.tolerance := coalesce(tolerance, v_s.tolerance, interval '5 minutes');
  if v_s.scheme not in ('standard', 'github', 'stripe') or v_s.mapping not in ('body', 'envelope') then
    raise exception 'scheme % or mapping % is not known', quote_literal(left(v_s.scheme, 40)), quote_literal(left(v_s.mapping, 40))
      using errcode = 'TF111', hint = 'Scheme is standard, github or stripe; mapping is body or envelope.';
  elsif v_s.tolerance not between interval '1 second' and interval '1 day' then
    raise exception 'tolerance is %, it must be 1 second to 1 day', v_s.tolerance using errcode = 'TF111', hint = '5 minutes is usual.';
  elsif cardinality(v_s.headers) > 20 or exists (
      select from unnest(v_s.headers) h where h is null or h !~ '^[a-z0-9_-]{1,100}$' or h in ('authorization', 'cookie', 'proxy-authorization')) then
    raise exception 'headers must be at most 20 names of headers, and none that carries a login'
      using errcode = 'TF111', hint = 'Write headers => ''{x-github-event}''.';
  end if;
  perform taskflow.job_template(v_s.task, v_s.queue, null, null, null, null, null, null, null, null, tenant);
  delete from taskflow.webhook_source s where s.tenant = v_s.tenant and s.name = v_s.name;
  insert into taskflow.webhook_source select v_s.*;
  if v_is_new or secret is not null then
    return taskflow.save_secret(tenant, 'source ' || name, secret, free_form => v_s.scheme <> 'standard');
  end if;
  return null;
end
$$;
