-- The value below which the share `q` (0 to 1) of a histogram lies, in seconds, as if each bucket's values
-- lay evenly between its bounds; of the last bucket, which has no end, its lower bound. NULL when there
-- is nothing in it. Histograms add up element by element, so that of many rows comes from their sum.
create or replace function taskflow.stat_percentile(buckets bigint[], q double precision) returns double precision
language sql immutable parallel safe as $$
  with piles as (
    select u.place, u.height, sum(u.height) over (order by u.place) as up_to, sum(u.height) over () * q as rank
      from unnest(buckets) with ordinality u (height, place))
  select coalesce(b.bounds[p.place - 1], 0)
         + coalesce(b.bounds[p.place] - coalesce(b.bounds[p.place - 1], 0), 0)
         * ((p.rank - (p.up_to - p.height)) / p.height)::double precision
    from piles p cross join (select taskflow.stat_bounds()) b (bounds)
   where p.height > 0 and p.up_to >= p.rank
   order by p.place limit 1
$$;
