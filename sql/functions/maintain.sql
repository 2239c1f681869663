-- The upkeep that any worker does now and then, all of it safe to do twice: partitions ahead, old
-- ones dropped, dead jobs and ticks past retention removed, progress and steps of jobs that are over, rows
-- of workers and waiters that are gone, pauses that ran out, and running jobs that no claim batch leads
-- to. Only one call works at a time; the others answer NULL at once. A call makes and drops the
-- partitions of one table, or does the rest: `more` says that there is more to do, and a further call
-- does it.
--
-- So it holds the lock of one table only, with no other, and not for longer than its partitions take:
-- settles use them in any order and would deadlock with it, or wait for the end of all upkeep.
-- A table that cannot be locked within half a second is named in `busy`, and left to a later call rather
-- than everybody queued behind it. The rest skips rows that others hold.
create or replace function taskflow.maintain() returns jsonb
language plpgsql volatile security definer set search_path = taskflow, pg_temp set lock_timeout = '500ms' as $$
declare
  v_now timestamptz := taskflow.now();
  v_ahead integer := taskflow.config('partitions_ahead')::integer;
  v_table text;
  v_keep timestamptz;
  v_done record;
  v_busy text[] := '{}';
begin
  if not pg_try_advisory_xact_lock(hashtext('taskflow.maintain')) then
    return null;
  end if;
  foreach v_table in array array['attempt', 'job_history', 'job_log', 'stat_10s', 'stat_1m', 'stat_1h'] loop
    v_keep := v_now - taskflow.config(case v_table when 'attempt' then 'attempt_retention'
                                                   when 'job_log' then 'log_retention'
                                                   when 'job_history' then 'history_retention'
                                                   else v_table || '_retention' end)::interval;
    begin
      select * into v_done from taskflow.keep_partitions(v_table, v_ahead, v_keep, case v_table when 'stat_1h' then 7 else 1 end);
      if v_done.made + v_done.dropped > 0 then
        return jsonb_build_object('partitions_made', v_done.made, 'partitions_dropped', v_done.dropped,
                                  'dead_jobs_removed', 0, 'workers_forgotten', 0, 'ticks_removed', 0,
                                  'records_swept', 0, 'busy', v_busy, 'more', true);
      end if;
    exception when lock_not_available then
      v_busy := v_busy || v_table;
    end;
  end loop;
  return jsonb_build_object('partitions_made', 0, 'partitions_dropped', 0, 'busy', v_busy)
      || taskflow.tidy(v_now);
end
$$;
