-- The (first) day of a partition, from its name; NULL for any other relation. A CASE, because the
-- planner may ask every row of pg_class before it asks which of them are partitions.
create or replace function taskflow.partition_day(relation name) returns date
language sql stable parallel safe as $$
  select case when relation ~ '_\d{8}$' then to_date(right(relation, 8), 'YYYYMMDD') end
$$;
