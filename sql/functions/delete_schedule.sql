-- Removes a schedule. Jobs that it made go on, and its ledger is kept for its time: a new schedule of
-- this name does not fire those ticks again. One that code declares comes back when a worker starts.
-- Locks: the schedule's row. Raises TF150.
create or replace function taskflow.delete_schedule(name text, tenant text default null) returns void
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
declare
  v_s taskflow.schedule := taskflow.find_schedule(delete_schedule.name, delete_schedule.tenant);
begin
  delete from taskflow.schedule s where s.tenant = v_s.tenant and s.name = v_s.name;
end
$$;
