-- The upper bounds of the histograms' buckets in seconds: 1 ms, and twice as much from each to the next,
-- to 70 minutes. A value that equals a bound is in the bucket above; the last bucket, one more than there
-- are bounds, has no end. The same numbers are in kernel/stats.py, and a test compares them.
create or replace function taskflow.stat_bounds() returns double precision[]
language sql immutable parallel safe as $$
  select array(select power(2, k) / 1000 from generate_series(0, 22) k order by k)
$$;
