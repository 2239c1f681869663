-- Makes the daily partitions of a table from today to `days` ahead. Rows that already fell into the
-- default partition for such a day (no maintenance for a while) move to the new one. Internal.
create or replace function taskflow.add_partitions(parent text, days integer) returns integer
language plpgsql volatile as $$
declare
  v_day date;
  v_name text;
  v_made integer := 0;
  v_key name := taskflow.partition_key(parent);
begin
  for v_day in select generate_series(taskflow.now() at time zone 'UTC', (taskflow.now() at time zone 'UTC') + make_interval(days => days), '1 day')::date loop
    v_name := parent || to_char(v_day, '"_"YYYYMMDD');
    continue when to_regclass('taskflow.' || v_name) is not null;
    execute format('create table taskflow.%I (like taskflow.%I including defaults including constraints)', v_name, parent);
    if v_day <= (taskflow.now() at time zone 'UTC')::date then
      -- Rows of this day arrive now, in the default partition. The parent is closed to writers first: a
      -- row that comes between the move and the attaching makes the attaching fail, and one that was
      -- already routed fails itself. Later days get no rows yet, so nobody waits for them.
      execute format('lock table taskflow.%I in share row exclusive mode', parent);
    end if;
    execute format(
      'with moved as (delete from taskflow.%I where %I >= %L and %I < %L returning *)
       insert into taskflow.%I select * from moved',
      parent || '_default', v_key, v_day || ' 00:00Z', v_key, (v_day + 1) || ' 00:00Z', v_name);
    execute format('alter table taskflow.%I attach partition taskflow.%I for values from (%L) to (%L)',
      parent, v_name, v_day || ' 00:00Z', (v_day + 1) || ' 00:00Z');
    v_made := v_made + 1;
  end loop;
  return v_made;
end
$$;
