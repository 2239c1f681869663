-- The events that webhooks can tell of.
create or replace function taskflow.webhook_types() returns text[]
language sql immutable parallel safe as $$
  select array['job.succeeded', 'job.dead', 'job.cancelled', 'workflow.succeeded', 'workflow.failed', 'workflow.cancelled',
               'queue.paused', 'queue.resumed', 'schedule.paused', 'schedule.resumed', 'webhook.disabled', 'webhook.test']
$$;
