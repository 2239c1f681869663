-- The row of a schedule that is about to be made or edited, locked; a blank one with the defaults where
-- there is none, known by its created_at, which is NULL. Two sessions that make one name wait for each
-- other here. Ticks that are due are fired first, by the rules that hold so far. Internal.
create or replace function taskflow.open_schedule(name text, tenant text) returns taskflow.schedule
language plpgsql volatile as $$
declare
  v_s taskflow.schedule;
begin
  perform pg_advisory_xact_lock(hashtext('taskflow.schedule'), hashtext(open_schedule.tenant || '/' || open_schedule.name));
  for look in 1 .. 2 loop
    select * into v_s from taskflow.schedule s
     where s.tenant = open_schedule.tenant and s.name = open_schedule.name for update;
    exit when v_s.paused_at is not null or v_s.next_at > taskflow.now() or v_s.next_at is null;
    perform taskflow.fire_guarded(v_s, taskflow.now());
  end loop;
  if v_s.name is null then
    v_s.tenant := open_schedule.tenant;
    v_s.name := open_schedule.name;
    v_s.args := '{}';
    v_s.time_zone := 'UTC';
    v_s.overlap := 'allow';
    v_s.catch_up := 'last';
    v_s.runs := 0;
    v_s.declared := false;
  end if;
  return v_s;
end
$$;
