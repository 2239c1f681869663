-- the functions that take such rows go with them; an upgrade makes them again
drop table taskflow.idempotency, taskflow.api_rate, taskflow.audit, taskflow.signing_key, taskflow.api_token,
  taskflow.api_key, taskflow.api_user, taskflow.tenant cascade;
delete from taskflow.config where name in ('api_rate', 'api_anonymous_rate', 'audit_retention', 'idempotency_retention');
