-- Tells those who wait for the end of a job, a run or a batch. Nobody waits: one look at an empty table, no NOTIFY.
create or replace function taskflow.announce(tenant text, ids bigint[]) returns void
language plpgsql volatile as $$
begin
  if exists (select from taskflow.watcher) then
    perform pg_notify('taskflow', 'done ' || w.job_id)
       from taskflow.watcher w
      where w.tenant = announce.tenant and w.job_id = any (announce.ids);
  end if;
end
$$;
