-- Removes statistics of days that never got a partition, and the marks of workers that are gone. Internal.
create or replace function taskflow.prune_stats(at_time timestamptz) returns void
language plpgsql volatile as $$
declare
  v_table text;
begin
  foreach v_table in array array['stat_10s', 'stat_1m', 'stat_1h'] loop
    execute format(
      'with old as materialized (
         select s.ctid as place from taskflow.%1$I s where s.at < $1 limit 10000 for update skip locked)
       delete from taskflow.%1$I s using old o where s.ctid = o.place', v_table || '_default')
      using at_time - taskflow.config(v_table || '_retention')::interval;
  end loop;
  with gone as materialized (
    select f.ctid as place from taskflow.stat_flush f
     where f.flushed_at < at_time - interval '1 day' for update skip locked)
  delete from taskflow.stat_flush f using gone g where f.ctid = g.place;
end
$$;
