-- Ends a batch that is closed and has no job left to end, and enqueues its callbacks: on_finish, and
-- on_success if all jobs succeeded or on_failure if not. Each at most once, also when dead jobs are
-- retried and the batch ends again. A callback finds the batch and its counts in its meta. Internal.
create or replace function taskflow.end_batch(batch taskflow.batch) returns void
language plpgsql volatile as $$
declare
  v_call record;
  v_job taskflow.job;
begin
  if batch.closed_at is null or batch.finished_at is not null or batch.total > batch.succeeded + batch.dead + batch.cancelled then
    return;
  end if;
  update taskflow.batch b
     set finished_at = taskflow.now(),
         fired = b.fired || array(select n from unnest(array['finish', case when b.succeeded = b.total then 'success' else 'failure' end]) n where n <> all (b.fired))
   where b.tenant = batch.tenant and b.id = batch.id;
  for v_call in
    select c.name, c.call from (values ('success', batch.on_success), ('failure', batch.on_failure), ('finish', batch.on_finish)) c (name, call)
     where c.call is not null and c.name <> all (batch.fired)
       and (c.name = 'finish' or (c.name = 'success') = (batch.succeeded = batch.total))
  loop
    v_job := taskflow.batch_callback(v_call.call, batch.tenant);
    v_job.created_by := batch.created_by;
    v_job.meta := coalesce(v_job.meta, '{}') || jsonb_build_object('batch', jsonb_strip_nulls(jsonb_build_object(
      'id', batch.id::text, 'name', batch.name, 'total', batch.total, 'succeeded', batch.succeeded, 'dead', batch.dead, 'cancelled', batch.cancelled)));
    perform taskflow.place_job(v_job, null);
    if v_job.run_at <= v_job.created_at then
      perform taskflow.wake(v_job.queue);
    end if;
  end loop;
  perform taskflow.announce(batch.tenant, array[batch.id]);
end
$$;
