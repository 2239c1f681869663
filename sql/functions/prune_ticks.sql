-- Removes ticks from the ledger that are past tick_retention, some thousands at a call, and notes in
-- their schedules up to where it no longer knows. A tick cannot fire again for that: next_at never goes
-- back. A waiting tick stays. Internal.
create or replace function taskflow.prune_ticks(at_time timestamptz) returns integer
language plpgsql volatile as $$
declare
  v_pruned integer;
begin
  with gone as (
    delete from taskflow.schedule_tick t
     where (t.tenant, t.schedule, t.tick_at) in (
       select o.tenant, o.schedule, o.tick_at from taskflow.schedule_tick o
        where o.fired_at < at_time - taskflow.config('tick_retention')::interval and o.status <> 'queued'
        order by o.fired_at limit 10000 for update skip locked)
    returning t.tenant, t.schedule, t.tick_at),
  latest as (
    select g.tenant, g.schedule, max(g.tick_at) as tick_at from gone g group by 1, 2),
  noted as (
    update taskflow.schedule s set forgotten_at = greatest(s.forgotten_at, l.tick_at)
      from latest l where s.tenant = l.tenant and s.name = l.schedule)
  select count(*) into v_pruned from gone;
  return v_pruned;
end
$$;
