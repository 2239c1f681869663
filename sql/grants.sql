-- Who may do what. Applied after the functions, each time. Roles are made where the migrating user
-- may make them; `taskflow doctor` says when they are missing. Internal functions are granted to no
-- role: they are called inside definer functions, by their owner.
do $$
declare
  v_role text;
begin
  foreach v_role in array array['taskflow_producer', 'taskflow_worker', 'taskflow_operator'] loop
    if to_regrole(v_role) is null then
      begin
        execute format('create role %I nologin', v_role);
      exception
        when insufficient_privilege then
          raise notice 'role % is missing and this user may not create roles', v_role;
        when duplicate_object or unique_violation then
          null;  -- another installation on this server was faster
      end;
    end if;
  end loop;
end
$$;

revoke all on schema taskflow from public;
revoke all on all tables in schema taskflow from public;
revoke all on all functions in schema taskflow from public;

do $$
declare
  v_producer text := 'enqueue enqueue_job enqueue_many take_permit release_permit renew_permit get_job watch now current_tenant priority_no priority_name '
                     'get_progress get_result save_workflow start_workflow run_definition signal get_workflow get_run get_run_steps '
                     'create_batch add_to_batch put_in_batch close_batch get_batch';
  v_worker text := 'claim renew settle settle_many release reap maintain join_worker leave_worker '
                   'operate disown was_settled set_result publish_tasks wait_for_work next_due stop_waiting backoff config state_of explain may_read partition_day '
                   'fire_schedules due_in publish_schedules cron_next preview_schedule explain_schedule '
                   'schedule_state schedule_orphaned tick_text explain_run '
                   'open_delivery note_delivery webhook_types webhook_stats '
                   'progress log record_many get_logs save_step get_steps put_result';
  v_operator text := 'cancel retry requeue discard reschedule pause_queue resume_queue allow_tenant forbid_tenant '
                     'set_limit delete_limit move_job set_priority start_operation cancel_operation undo_operation '
                     'put_schedule pause_schedule resume_schedule run_schedule_now delete_schedule backfill_schedule '
                     'cancel_run retry_run cancel_batch '
                     'put_webhook delete_webhook webhook_secret rotate_webhook_secret disable_webhook enable_webhook test_webhook '
                     'resend_delivery resend_failed put_source delete_source rotate_source_secret open_source receive_webhook';
  v_granted text;
  v_function record;
begin
  for v_function in
    select p.oid::regprocedure as signature, p.proname as name
      from pg_proc p where p.pronamespace = 'taskflow'::regnamespace
  loop
    v_granted := case
      when v_function.name = any (string_to_array(v_producer, ' '))
        then 'taskflow_producer taskflow_worker taskflow_operator'
      when v_function.name = any (string_to_array(v_worker, ' ')) then 'taskflow_worker taskflow_operator'
      when v_function.name = any (string_to_array(v_operator, ' ')) then 'taskflow_operator'
    end;
    if v_granted is not null and to_regrole('taskflow_producer') is not null then
      execute format('grant execute on function %s to %s', v_function.signature, replace(v_granted, ' ', ', '));
    end if;
  end loop;
  if to_regrole('taskflow_producer') is not null then
    grant usage on schema taskflow to taskflow_producer, taskflow_worker, taskflow_operator;
    grant select on all tables in schema taskflow to taskflow_worker, taskflow_operator;
    revoke select on taskflow.webhook_secret from taskflow_worker, taskflow_operator;
    grant update on taskflow.config to taskflow_operator;
  end if;
end
$$;
