-- The same for all waiting jobs that a limit of this queue and task holds for. Internal.
create or replace function taskflow.relane_all(tenant text, queue text, task text) returns void
language plpgsql volatile as $$
declare
  v_ids bigint[];
begin
  if relane_all.queue is null and relane_all.task is null then
    return;
  end if;
  select array_agg(j.id) into v_ids from taskflow.job j
   where j.tenant = relane_all.tenant and j.state <> 'running'
     and (relane_all.queue is null or j.queue = relane_all.queue)
     and (relane_all.task is null or j.task = relane_all.task);
  perform taskflow.relane(relane_all.tenant, v_ids);
  perform taskflow.wake(q.queue) from (
    select distinct j.queue from taskflow.job j where j.tenant = relane_all.tenant and j.id = any (v_ids)) q;
end
$$;
