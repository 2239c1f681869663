-- Adds lines (see flush_stats) to the rows of one resolution that begin at `at`. Locks those rows in the
-- order of their keys, as every caller does. Internal.
create or replace function taskflow.add_stats(resolution text, at timestamptz, lines jsonb) returns void
language plpgsql volatile as $$
begin
  execute format($insert$
    insert into taskflow.%I as s (
      tenant, at, queue, task, outcome, count, run_seconds, wait_seconds, run_buckets, wait_buckets)
    select coalesce(l.tenant, 'default'), $1, l.queue, l.task, l.outcome, l.count, l.run_seconds, l.wait_seconds,
           l.run_buckets, l.wait_buckets
      from jsonb_to_recordset($2) l (
        tenant text, queue text, task text, outcome text, count bigint, run_seconds double precision,
        wait_seconds double precision, run_buckets integer[], wait_buckets integer[])
     order by coalesce(l.tenant, 'default') collate "C", l.queue collate "C", l.task collate "C", l.outcome collate "C"
    on conflict (tenant, at, queue, task, outcome) do update
       set count = s.count + excluded.count,
           run_seconds = s.run_seconds + excluded.run_seconds,
           wait_seconds = s.wait_seconds + excluded.wait_seconds,
           run_buckets = taskflow.add_buckets(s.run_buckets, excluded.run_buckets),
           wait_buckets = taskflow.add_buckets(s.wait_buckets, excluded.wait_buckets)
    $insert$, resolution) using at, lines;
end
$$;
