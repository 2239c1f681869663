-- Ties a job that was brought back to the run and the batch that it belonged to. A run that went on
-- without it, because its failure was one to live with, does not take it back.
-- Raises TF163 when the run is about to end. The caller holds the lock of the run. Internal.
create or replace function taskflow.follow_again(tenant text, id bigint) returns void
language plpgsql volatile as $$
declare
  v_step record;
  v_batch record;
  v_ends taskflow.step_end[];
begin
  select s.run_id, s.node, s.place, r.root_id, o.finished_at, n.fate = 'continue' and (s.state = 'failed' or s.error is not null) as is_accepted
    into v_step
    from taskflow.workflow_step s
    join taskflow.workflow_run r on r.tenant = s.tenant and r.id = s.run_id
    join taskflow.workflow_run o on o.tenant = r.tenant and o.id = r.root_id
    join taskflow.workflow_node n on n.tenant = r.tenant and n.workflow_id = r.workflow_id and n.no = s.node
   where s.tenant = follow_again.tenant and s.job_id = follow_again.id and s.state in ('failed', 'cancelled');
  if found and v_step.place < -1 then
    update taskflow.workflow_step s set state = 'scheduled', finished_at = null, error = null
     where s.tenant = follow_again.tenant and s.run_id = v_step.run_id and s.node = v_step.node and s.place = v_step.place;
    update taskflow.workflow_run r set state = 'compensating', ending = 'compensate', finished_at = null, failed = r.failed - 1
     where r.tenant = follow_again.tenant and r.id = v_step.run_id;
    update taskflow.job j set is_followed = true where j.tenant = follow_again.tenant and j.id = follow_again.id;
  elsif found and not v_step.is_accepted and not taskflow.is_accepted(tenant, v_step.run_id) then
    if v_step.finished_at is null then
      raise exception 'job % is a step of run %, which is stopping', follow_again.id, v_step.root_id
        using errcode = 'TF163', hint = 'Wait for its end; then retry the job, or the run.';
    end if;
    v_ends := taskflow.reopen_run(tenant, v_step.root_id);
    if v_ends is not null then
      perform taskflow.end_steps(tenant, v_ends);
    end if;
  end if;

  select b.batch_id, b.ended_as into v_batch from taskflow.batch_job b
   where b.tenant = follow_again.tenant and b.job_id = follow_again.id and b.ended_as is not null;
  if found then
    update taskflow.batch b
       set dead = b.dead - (v_batch.ended_as = 'dead')::integer, cancelled = b.cancelled - (v_batch.ended_as = 'cancelled')::integer, finished_at = null
     where b.tenant = follow_again.tenant and b.id = v_batch.batch_id;
    update taskflow.batch_job b set ended_as = null where b.tenant = follow_again.tenant and b.job_id = follow_again.id;
    update taskflow.job j set is_followed = true where j.tenant = follow_again.tenant and j.id = follow_again.id;
  end if;
end
$$;
