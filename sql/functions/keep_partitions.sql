-- Makes the partitions of a table from today to `days` ahead, each of one day or of `span` days (7: from a
-- Monday), and drops those that lie wholly before `until`. Rows that already fell into the default partition
-- for a new one (no maintenance for a while) move there. Answers how many it made and dropped.
-- Locks: nothing when nothing is due; else the table, at once and in the strongest mode: an insert that
-- was already routed to the default partition would fail when its day gets one, and raising a weaker lock
-- later deadlocks with a settle that has written and now reads. Internal.
create or replace function taskflow.keep_partitions(
  parent text, days integer, until timestamptz, span integer default 1, out made integer, out dropped integer
)
language plpgsql volatile as $$
declare
  v_today date := (taskflow.now() at time zone 'UTC')::date;
  v_first date := v_today - (v_today - date '2001-01-01') % span;
  v_new date[] := array(
    select v_first + n from generate_series(0, v_today + days - v_first, span) n
     where to_regclass('taskflow.' || parent || to_char(v_first + n, '"_"YYYYMMDD')) is null order by n);
  v_old name[] := array(
    select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
     where i.inhparent = ('taskflow.' || parent)::regclass
       and taskflow.partition_day(c.relname) + span <= (until at time zone 'UTC')::date order by c.relname);
  v_default text := parent || '_default';
  v_key name := taskflow.partition_key(parent);
  v_name text;
  v_day date;
begin
  made := cardinality(v_new);
  dropped := cardinality(v_old);
  if made + dropped > 0 then
    execute format('lock table only taskflow.%I in access exclusive mode', parent);
  end if;
  foreach v_day in array v_new loop
    v_name := parent || to_char(v_day, '"_"YYYYMMDD');
    execute format('create table taskflow.%I (like taskflow.%I including defaults including constraints)', v_name, parent);
    execute format(
      'with moved as (delete from taskflow.%I where %I >= %L and %I < %L returning *)
       insert into taskflow.%I select * from moved',
      v_default, v_key, v_day || ' 00:00Z', v_key, (v_day + span) || ' 00:00Z', v_name);
    execute format('alter table taskflow.%I attach partition taskflow.%I for values from (%L) to (%L)',
                   parent, v_name, v_day || ' 00:00Z', (v_day + span) || ' 00:00Z');
  end loop;
  foreach v_name in array v_old loop
    execute format('drop table taskflow.%I', v_name);
  end loop;
end
$$;
