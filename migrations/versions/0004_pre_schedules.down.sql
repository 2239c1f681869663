drop view if exists taskflow.schedule_view;
do $$
declare
  v_names text[] := '{backfill_schedule,check_schedule,check_time_zone,cron_after,cron_days,cron_fields,cron_item,
    cron_next,cron_walk,delete_schedule,due_in,explain_schedule,find_schedule,fire_guarded,fire_one,
    fire_schedules,fire_tick,is_spent,live_state,local_instants,newest_tick,next_bit,note_tick,
    open_schedule,pause_schedule,preview_schedule,prune_ticks,publish_schedules,put_schedule,
    resume_schedule,run_schedule_now,run_tick,save_schedule,schedule_from,schedule_job,
    schedule_orphaned,schedule_state,tick_after,tick_text,zone_change}';
  v_function regprocedure;
begin
  for v_function in
    select p.oid from pg_proc p
     where p.pronamespace = 'taskflow'::regnamespace and p.proname = any (v_names)
  loop
    execute format('drop function if exists %s cascade', v_function);
  end loop;
  -- so that the next upgrade makes them anew
  delete from taskflow.sql_object o where o.name = any (v_names || '{schedule_view}'::text[]);
end
$$;
drop table if exists taskflow.schedule, taskflow.schedule_tick;
delete from taskflow.config where name in ('schedule_grace', 'max_catch_up', 'max_schedules', 'tick_retention');
