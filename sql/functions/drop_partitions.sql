-- Drops the daily partitions of a table that lie wholly before `until`, and deletes what the default
-- partition holds from then: rows of days that never got a partition. Internal.
create or replace function taskflow.drop_partitions(parent text, until timestamptz) returns integer
language plpgsql volatile as $$
declare
  v_name text;
  v_dropped integer := 0;
begin
  for v_name in
    select c.relname from pg_inherits i
      join pg_class c on c.oid = i.inhrelid
     where i.inhparent = ('taskflow.' || parent)::regclass
       and taskflow.partition_day(c.relname) + 1 <= (until at time zone 'UTC')::date
  loop
    execute format('drop table taskflow.%I', v_name);
    v_dropped := v_dropped + 1;
  end loop;
  execute format('delete from taskflow.%I where %I < $1', parent || '_default', taskflow.partition_key(parent)) using until;
  return v_dropped;
end
$$;
