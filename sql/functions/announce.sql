-- Tells those who wait for the end of a job, a run or a batch, and the endpoints of webhooks. Nobody waits: a look
-- at each of two small tables, no NOTIFY.
create or replace function taskflow.announce(tenant text, ids bigint[]) returns void
language plpgsql volatile as $$
begin
  if exists (select from taskflow.watcher) then
    perform pg_notify('taskflow', 'done ' || w.job_id)
       from taskflow.watcher w
      where w.tenant = announce.tenant and w.job_id = any (announce.ids);
  end if;
  if exists (select from taskflow.webhook_endpoint e where e.tenant = announce.tenant) then
    perform taskflow.tell_endpoints(tenant, ids);
  end if;
end
$$;
