-- What ended in each span of 10 seconds, and how fast, in seconds; percentiles from the histograms.
create or replace view taskflow.stats_10s with (security_invoker = true) as
  select s.tenant, s.at, s.queue, s.task, s.outcome, s.count, s.run_seconds, s.wait_seconds,
         taskflow.stat_percentile(s.run_buckets, 0.5) as run_p50, taskflow.stat_percentile(s.run_buckets, 0.95) as run_p95,
         taskflow.stat_percentile(s.run_buckets, 0.99) as run_p99,
         taskflow.stat_percentile(s.wait_buckets, 0.5) as wait_p50, taskflow.stat_percentile(s.wait_buckets, 0.95) as wait_p95,
         taskflow.stat_percentile(s.wait_buckets, 0.99) as wait_p99,
         s.run_buckets, s.wait_buckets
    from taskflow.stat_10s s;
