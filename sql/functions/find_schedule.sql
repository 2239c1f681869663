-- A schedule's row, locked. Raises TF150 when there is none of this name. Internal.
create or replace function taskflow.find_schedule(name text, tenant text) returns taskflow.schedule
language plpgsql volatile as $$
declare
  v_schedule taskflow.schedule;
begin
  select * into v_schedule from taskflow.schedule s
   where s.tenant = taskflow.tenant_of(find_schedule.tenant) and s.name = find_schedule.name
     for update;
  if not found then
    raise exception 'there is no schedule %', coalesce(quote_literal(left(find_schedule.name, 80)), 'NULL')
      using errcode = 'TF150', hint = 'Run taskflow schedules list.';
  end if;
  return v_schedule;
end
$$;
