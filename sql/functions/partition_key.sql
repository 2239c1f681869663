-- The column by whose day a table is partitioned. Internal.
create or replace function taskflow.partition_key(parent text) returns name
language sql stable as $$
  select a.attname from pg_partitioned_table t
    join pg_attribute a on a.attrelid = t.partrelid and a.attnum = t.partattrs[0]
   where t.partrelid = ('taskflow.' || parent)::regclass
$$;
