-- Makes an endpoint, or edits the one of this id. Answers its id, its version, and of a new one the secret that
-- signs what it gets: later only taskflow.webhook_secret tells it.
--
--   types    the events that it wants, by name (job.dead), group (job.*) or all ({*}, the default)
--   queues   of events that have a queue, such as those of jobs, only those of these; {} for all
--   tasks    the same for tasks
--   headers  sent with each request: {"Authorization": "Bearer ..."}
--   queue    where the jobs that deliver wait
--   secret   whsec_ and 24 to 64 bytes as base64; left out, one is made
--
-- Editing keeps what is not given. With `expected_version` it fails if somebody else has edited it meanwhile.
-- Raises TF110, TF111, TF122 at max_webhooks, TF180 for an unknown id, TF181 for another version. Locks: the endpoint.
create or replace function taskflow.put_webhook(
  url text default null,
  id bigint default null,
  description text default null,
  types text[] default null,
  queues text[] default null,
  tasks text[] default null,
  headers jsonb default null,
  queue text default null,
  secret text default null,
  expected_version integer default null,
  tenant text default null,
  out webhook_id bigint,
  out version integer,
  out new_secret text
)
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
#variable_conflict use_variable
declare
  v_e taskflow.webhook_endpoint;
begin
  if id is not null then
    v_e := taskflow.find_webhook(id, tenant, expected_version);
  else
    v_e.id := nextval('taskflow.webhook_endpoint_id_seq');
    v_e.tenant := taskflow.tenant_of(tenant);
    v_e.version := 0;
    v_e.created_at := taskflow.now();
    v_e.created_by := taskflow.caller();
    if (select count(*) from taskflow.webhook_endpoint e where e.tenant = v_e.tenant) >= taskflow.config('max_webhooks')::integer then
      raise exception 'tenant % has % endpoints already', quote_literal(v_e.tenant), taskflow.config('max_webhooks')
        using errcode = 'TF122', hint = 'Delete some, or raise max_webhooks in taskflow.config.';
    end if;
  end if;
  v_e.url := coalesce(url, v_e.url);
  v_e.description := nullif(taskflow.plain_text(coalesce(description, v_e.description), 500), '');
  v_e.types := coalesce(nullif(coalesce(types, v_e.types), '{}'), '{*}');
  v_e.queues := coalesce(queues, v_e.queues, '{}');
  v_e.tasks := coalesce(tasks, v_e.tasks, '{}');
  v_e.headers := coalesce(headers, v_e.headers, '{}');
  v_e.queue := coalesce(queue, v_e.queue, 'default');
  v_e.version := v_e.version + 1;
  v_e.updated_at := taskflow.now();
  perform taskflow.check_webhook(v_e);
  insert into taskflow.webhook_endpoint select v_e.*
  on conflict on constraint webhook_endpoint_pkey do update
     set url = excluded.url, description = excluded.description, types = excluded.types, queues = excluded.queues,
         tasks = excluded.tasks, headers = excluded.headers, queue = excluded.queue, version = excluded.version,
         updated_at = excluded.updated_at;
  if id is null or secret is not null then
    new_secret := taskflow.save_secret(v_e.tenant, 'endpoint ' || v_e.id, secret);
  end if;
  if v_e.tenant <> 'default' then
    perform taskflow.note_queue(v_e.tenant, v_e.queue);
  end if;
  webhook_id := v_e.id;
  version := v_e.version;
end
$$;
