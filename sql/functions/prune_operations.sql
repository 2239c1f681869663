-- Removes operations that ended before all of history did, with their items, some thousand rows at a call.
-- Internal.
create or replace function taskflow.prune_operations(at_time timestamptz) returns void
language plpgsql volatile as $$
declare
  v_old taskflow.operation;
  v_rows bigint;
begin
  select * into v_old from taskflow.operation o
   where o.finished_at < at_time - taskflow.config('history_retention')::interval order by o.finished_at limit 1 for update skip locked;
  if not found then
    return;
  end if;
  delete from taskflow.operation_item i
   where i.tenant = v_old.tenant and i.operation_id = v_old.id
     and i.job_id in (select o.job_id from taskflow.operation_item o
                       where o.tenant = v_old.tenant and o.operation_id = v_old.id limit 10000);
  get diagnostics v_rows = row_count;
  if v_rows < 10000 then
    delete from taskflow.operation o where o.tenant = v_old.tenant and o.id = v_old.id;
  end if;
end
$$;
