-- Stops claims from a queue, of one tenant; running jobs go on. Holds until resume_queue or
-- `resume_at`.
create or replace function taskflow.pause_queue(
  queue text, reason text default null, resume_at timestamptz default null, tenant text default null
) returns void
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
declare
  v_tenant text := taskflow.tenant_of(pause_queue.tenant);
begin
  perform taskflow.check_name('queue', pause_queue.queue);
  insert into taskflow.queue (tenant, name, paused_at, paused_by, pause_reason, resume_at)
  values (v_tenant, pause_queue.queue, taskflow.now(),
          taskflow.caller(), left(pause_queue.reason, 1000), pause_queue.resume_at)
  on conflict on constraint queue_pkey do update
     set paused_at = excluded.paused_at, paused_by = excluded.paused_by,
         pause_reason = excluded.pause_reason, resume_at = excluded.resume_at;
  perform taskflow.tell_event(v_tenant, 'queue.paused', jsonb_build_object(
    'queue', pause_queue.queue, 'reason', left(pause_queue.reason, 1000), 'resume_at', taskflow.tick_text(pause_queue.resume_at)), pause_queue.queue);
end
$$;
