-- Writes down one attempt of a delivery and decides what it means. `status` is that of the answer, none if there was
-- none and `error` tells why. Answers
--   delivered  2xx
--   gone       410: the endpoint is disabled at once
--   disabled   it failed, and so has the endpoint for longer than webhook_disable_after: it is disabled
--   failed     it failed; `is_last` says that no attempt will follow
-- and 'unknown' for a delivery that is no more. A test tells nothing about the endpoint. Locks: the delivery, and the
-- endpoint when it begins or ceases to fail.
create or replace function taskflow.note_delivery(
  id bigint,
  status integer default null,
  error text default null,
  duration_ms integer default null,
  response_head text default null,
  is_last boolean default false,
  tenant text default 'default'
) returns text
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
#variable_conflict use_variable
declare
  v_now timestamptz := taskflow.now();
  v_d taskflow.webhook_delivery;
  v_e taskflow.webhook_endpoint;
  v_answer text := case when status between 200 and 299 then 'delivered' when status = 410 then 'gone' else 'failed' end;
  v_is_test boolean;
begin
  update taskflow.webhook_delivery d
     set attempts = d.attempts + 1, last_status = status, last_error = taskflow.plain_text(error, 500),
         last_duration_ms = duration_ms, response_head = taskflow.plain_text(note_delivery.response_head, 1024),
         state = case when v_answer <> 'failed' then v_answer when is_last then 'failed' else 'pending' end,
         finished_at = case when v_answer <> 'failed' or is_last then v_now end
   where d.tenant = note_delivery.tenant and d.id = note_delivery.id and d.state not in ('delivered', 'gone')
  returning * into v_d;
  if not found then
    return 'unknown';
  end if;
  insert into taskflow.webhook_attempt (tenant, delivery_id, attempt, finished_at, status, error, duration_ms, response_head)
  values (tenant, id, v_d.attempts, v_now, status, v_d.last_error, duration_ms, v_d.response_head);
  select e.* into v_e from taskflow.webhook_endpoint e where e.tenant = note_delivery.tenant and e.id = v_d.endpoint_id;
  v_is_test := exists (select from taskflow.webhook_event v
                        where v.tenant = note_delivery.tenant and v.id = v_d.event_id and v.type = 'webhook.test');
  if v_e.id is null or v_e.disabled_at is not null or v_is_test then
    return v_answer;
  elsif v_answer = 'gone' then
    perform taskflow.disable_webhook(v_e.id, 'it answered 410 Gone', tenant);
  elsif v_answer = 'delivered' and v_e.failing_since is not null then
    update taskflow.webhook_endpoint e set failing_since = null where e.tenant = note_delivery.tenant and e.id = v_e.id;
  elsif v_answer = 'failed' and v_e.failing_since is null then
    update taskflow.webhook_endpoint e set failing_since = v_now where e.tenant = note_delivery.tenant and e.id = v_e.id;
  elsif v_answer = 'failed' and v_e.failing_since <= v_now - taskflow.config('webhook_disable_after')::interval then
    perform taskflow.disable_webhook(v_e.id, 'it has failed since ' || taskflow.tick_text(v_e.failing_since), tenant);
    return 'disabled';
  end if;
  return v_answer;
end
$$;
