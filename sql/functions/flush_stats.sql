-- Adds what a worker has counted to the statistics of 10 seconds, a minute and an hour, and tells who looks
-- on what has changed, in one notification. A worker calls it at most once a second, and never without news.
--
-- `lines` is a JSON array of {"tenant", "queue", "task", "outcome", "count", "run_seconds", "wait_seconds",
-- "run_buckets", "wait_buckets"}, one for each key; the histograms' bounds are taskflow.stat_bounds(). They count
-- for the time of the call. `hours` is the same for the hour alone: who gives it, if only as [], hands in its
-- counts for the hour more seldom. An hour's row that many workers change each second would leave so many
-- versions behind, while an old snapshot keeps them, that finding the last one takes longer and longer.
-- `topics` names what was busy, as tenant/queue with * for any; no topics, no
-- notification. It says "active" and the topics, or * when they are too many.
-- `flush_no` rises with each flush of a worker: one that is not above the last adds nothing and answers
-- false, so that a flush whose answer was lost may be sent again.
-- Locks: rows of the three tables, always in the same order. Raises TF111 for malformed lines, and 55P03 when
-- a row is held for long: nothing waits for statistics.
create or replace function taskflow.flush_stats(
  worker_id bigint, lines jsonb, topics text[] default null, flush_no bigint default null, hours jsonb default null
) returns boolean
language plpgsql volatile security definer set search_path = taskflow, pg_temp set lock_timeout = '500ms' as $$
#variable_conflict use_column
declare
  v_now timestamptz := taskflow.now();
  v_origin constant timestamptz := '2001-01-01 00:00Z';
  v_said text;
begin
  perform taskflow.check_stats(lines), taskflow.check_stats(coalesce(hours, lines));
  if jsonb_array_length(lines) + jsonb_array_length(coalesce(hours, lines)) > 0 then
    if flush_no is not null then
      insert into taskflow.stat_flush as f (worker_id, flush_no, flushed_at)
      values (flush_stats.worker_id, flush_stats.flush_no, v_now)
      on conflict (tenant, worker_id) do update set flush_no = excluded.flush_no, flushed_at = excluded.flushed_at
       where f.flush_no < excluded.flush_no;
      if not found then
        return false;
      end if;
    end if;
    perform taskflow.add_stats('stat_10s', date_bin('10 seconds', v_now, v_origin), lines);
    perform taskflow.add_stats('stat_1m', date_bin('1 minute', v_now, v_origin), lines);
    perform taskflow.add_stats('stat_1h', date_bin('1 hour', v_now, v_origin), coalesce(hours, lines));
  end if;
  if cardinality(topics) > 0 then
    select case when cardinality(topics) > 60 or not coalesce(bool_and(t ~ '^[a-z0-9_.*-]{1,63}/[a-z0-9_.*-]{1,63}$'), false)
                then '*' else string_agg(t, ' ') end
      into v_said from unnest(topics) t;
    perform pg_notify('taskflow', 'active ' || v_said);
  end if;
  return true;
end
$$;
