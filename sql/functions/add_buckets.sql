-- The sum of two histograms, element by element. Internal.
create or replace function taskflow.add_buckets(a integer[], b integer[]) returns integer[]
language sql immutable parallel safe as $$
  select array(select coalesce(u.x, 0) + coalesce(u.y, 0)
                 from unnest(a, b) with ordinality u (x, y, place) order by u.place)
$$;
