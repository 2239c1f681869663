-- Ends a pause. Answers whether the queue was paused.
create or replace function taskflow.resume_queue(queue text, tenant text default null) returns boolean
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
declare
  v_tenant text := taskflow.tenant_of(resume_queue.tenant);
  v_was_paused boolean;
begin
  update taskflow.queue q
     set paused_at = null, paused_by = null, pause_reason = null, resume_at = null
   where q.tenant = v_tenant
     and q.name = resume_queue.queue and q.paused_at is not null;
  v_was_paused := found;
  if v_was_paused then
    perform taskflow.tell_event(v_tenant, 'queue.resumed', jsonb_build_object('queue', resume_queue.queue), resume_queue.queue);
  end if;
  perform taskflow.wake(resume_queue.queue);
  return v_was_paused;
end
$$;
