-- Every batch with its counts: open until it is closed, then running until its last job has ended.
create or replace view taskflow.batch_view with (security_invoker = true) as
  select b.tenant, b.id, b.name,
         case when b.finished_at is not null then case when b.succeeded = b.total then 'succeeded' else 'failed' end
              when b.closed_at is null then 'open' else 'running' end as state,
         b.total, b.total - b.succeeded - b.dead - b.cancelled as pending, b.succeeded, b.dead, b.cancelled,
         b.created_at, b.closed_at, b.finished_at, b.cancelled_at, b.created_by, b.on_success, b.on_failure, b.on_finish, b.meta
    from taskflow.batch b;
