-- Who may do what. Applied after the functions, each time. Roles are made where the migrating user
-- may make them; `taskflow doctor` says when they are missing. Internal functions are granted to no
-- role: they are called inside definer functions, by their owner.
do $$
declare
  v_role text;
begin
  foreach v_role in array array['taskflow_producer', 'taskflow_worker', 'taskflow_operator', 'taskflow_api'] loop
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
                   'progress log record_many get_logs save_step get_steps put_result flush_stats stat_bounds stat_percentile';
  v_operator text := 'cancel retry requeue discard reschedule pause_queue resume_queue allow_tenant forbid_tenant '
                     'set_limit delete_limit limit_room move_job set_priority drain_worker start_operation cancel_operation undo_operation '
                     'put_schedule pause_schedule resume_schedule run_schedule_now delete_schedule backfill_schedule '
                     'cancel_run retry_run cancel_batch '
                     'put_webhook delete_webhook webhook_secret rotate_webhook_secret disable_webhook enable_webhook test_webhook '
                     'resend_delivery resend_failed put_source delete_source rotate_source_secret open_source receive_webhook';
  -- the API does what operators do, bound to one tenant, and not: name tenants, edit settings, be a worker
  v_api text := 'installed open_request still_stand find_login find_user note_login issue_token use_token end_session set_password first_admin signing_keys '
                'put_user delete_user create_key rotate_key revoke_key put_tenant invite note_audit find_answer keep_answer '
                'bound_tenant bound_queues tenant_of refuse_tenant caller '
                'next_due config state_of explain may_read partition_day cron_next preview_schedule explain_schedule '
                'schedule_state schedule_orphaned tick_text explain_run get_logs get_steps webhook_types webhook_stats '
                'stat_bounds stat_percentile';
  v_not_api text := 'webhook_secret allow_tenant forbid_tenant take_permit release_permit renew_permit';
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
    if to_regrole('taskflow_api') is not null and v_function.name <> all (string_to_array(v_not_api, ' '))
       and v_function.name = any (string_to_array(concat_ws(' ', v_producer, v_operator, v_api), ' ')) then
      execute format('grant execute on function %s to taskflow_api', v_function.signature);
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

-- The API reads tables itself, bound to one tenant by row-level security; see taskflow.bound_tenant. Nobody
-- else is restricted: what the queue does it does in functions, as their owner. Tables of the installation
-- have rows of the tenant default for everybody; of tables with secrets only some columns are shown.
do $$
declare
  v_shared text[] := array['worker', 'task', 'config', 'claim_batch', 'waiter', 'job_limit'];
  v_by_queue text[] := array['job', 'job_history', 'dead_job', 'stat_10s', 'stat_1m', 'stat_1h'];
  v_secret jsonb := '{
    "api_user": "tenant, id, name, role, queues, disabled_at, last_login_at, locked_until, created_at, created_by, version",
    "api_key": "tenant, id, name, prefix, role, scopes, queues, rate, user_id, expires_at, revoked_at, previous_until, last_used_at, last_used_from, created_at, created_by, version",
    "api_token": "tenant", "webhook_secret": "tenant", "signing_key": "tenant", "api_rate": "tenant", "idempotency": "tenant"}';
  v_table record;
begin
  for v_table in
    select c.relname as name, c.relkind, c.relrowsecurity from pg_class c
     where c.relnamespace = 'taskflow'::regnamespace and c.relkind in ('r', 'p', 'v') and not c.relispartition
       and c.relname <> 'alembic_version'
     order by c.relname
  loop
    if v_secret ? v_table.name and to_regrole('taskflow_producer') is not null then
      execute format('revoke all on taskflow.%I from taskflow_worker, taskflow_operator', v_table.name);
    end if;
    if to_regrole('taskflow_api') is null then
      continue;
    end if;
    execute format('grant select %s on taskflow.%I to taskflow_api', '(' || (v_secret ->> v_table.name) || ')', v_table.name);
    -- told by the policies, too: dropping the role takes its own away alone
    if v_table.relkind = 'v' or v_table.relrowsecurity and (
         select count(*) = case when v_table.name = any (v_by_queue) then 2 else 1 end from pg_policies p
          where p.schemaname = 'taskflow' and p.tablename = v_table.name and p.policyname in ('own_tenant', 'own_queues')) then
      continue;
    end if;
    execute format('drop policy if exists everybody on taskflow.%I', v_table.name);
    execute format('drop policy if exists own_tenant on taskflow.%I', v_table.name);
    execute format('drop policy if exists own_queues on taskflow.%I', v_table.name);
    execute format('create policy everybody on taskflow.%I using (true) with check (true)', v_table.name);
    execute format('create policy own_tenant on taskflow.%I as restrictive to taskflow_api using (tenant = taskflow.bound_tenant()%s)',
                   v_table.name, case when v_table.name = any (v_shared) then ' or tenant = ''default'''
                                        when v_table.name = 'tenant' then ' or taskflow.bound_tenant() = ''default''' else '' end);
    if v_table.name = any (v_by_queue) then
      execute format('create policy own_queues on taskflow.%I as restrictive to taskflow_api'
                     ' using (taskflow.bound_queues() is null or queue = any (taskflow.bound_queues()))', v_table.name);
    end if;
    execute format('alter table taskflow.%I enable row level security', v_table.name);
  end loop;
  if to_regrole('taskflow_api') is not null then
    grant usage on schema taskflow to taskflow_api;
  end if;
end
$$;
