-- Takes a webhook whose signature the caller has checked: enqueues a job of the source's task with these arguments,
-- unless a webhook of this id came before, within received_retention. Answers the job's id, and whether it is a
-- repeat. Two at once: the second waits for the first. Raises TF111, TF182, and what taskflow.enqueue does.
create or replace function taskflow.receive_webhook(
  source text, webhook_id text, args jsonb, tenant text default null, out job_id bigint, out is_repeat boolean
)
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
#variable_conflict use_variable
declare
  v_s taskflow.webhook_source := taskflow.find_source(source, tenant);
begin
  if webhook_id is null or webhook_id !~ '^[\x21-\x7e]{1,200}$' then
    raise exception 'webhook id % is not valid', coalesce(quote_literal(left(webhook_id, 80)), 'NULL')
      using errcode = 'TF111', hint = 'It is 1 to 200 printable characters, without spaces.';
  end if;
  insert into taskflow.webhook_received (tenant, source, webhook_id, received_at)
  values (v_s.tenant, v_s.name, webhook_id, taskflow.now())
  on conflict do nothing;
  is_repeat := not found;
  if is_repeat then
    select r.job_id into job_id from taskflow.webhook_received r
     where r.tenant = v_s.tenant and r.source = v_s.name and r.webhook_id = receive_webhook.webhook_id;
  else
    job_id := taskflow.enqueue(v_s.task, args, v_s.queue, tenant => v_s.tenant,
                               meta => jsonb_build_object('webhook_source', v_s.name, 'webhook_id', webhook_id));
    update taskflow.webhook_received r set job_id = receive_webhook.job_id
     where r.tenant = v_s.tenant and r.source = v_s.name and r.webhook_id = receive_webhook.webhook_id;
  end if;
end
$$;
