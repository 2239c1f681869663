-- the functions that take such a row go with it; an upgrade makes them again
drop table taskflow.webhook_endpoint, taskflow.webhook_secret, taskflow.webhook_event, taskflow.webhook_delivery,
           taskflow.webhook_attempt, taskflow.webhook_source, taskflow.webhook_received cascade;
drop type taskflow.event_draft cascade;
alter table taskflow.config drop constraint config_webhook_fits;
delete from taskflow.config where name in ('max_webhooks', 'webhook_retention', 'webhook_disable_after', 'received_retention');
