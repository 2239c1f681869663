-- Does an operation's verb to some jobs, and notes what became of each and how far it has come. A job
-- that cannot be served is refused alone. `after_id` is where the caller believes the operation stands:
-- where another run has gone on meanwhile, nothing is done. Answers the state of the operation: running,
-- or how it ended. Locks: the operation, and each job in turn.
create or replace function taskflow.operate(operation_id bigint, after_id bigint, job_ids bigint[], tenant text default 'default')
returns text
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
#variable_conflict use_variable
declare
  v_operation taskflow.operation;
  v_id bigint;
  v_item record;
  v_done integer := 0;
begin
  select * into v_operation from taskflow.operation o
   where o.tenant = operate.tenant and o.id = operate.operation_id for update;
  if v_operation.state not in ('waiting', 'running') or v_operation.last_id <> after_id then
    return case when v_operation.state in ('waiting', 'running') then 'overtaken' else v_operation.state end;
  end if;
  foreach v_id in array job_ids loop
    select * into v_item from taskflow.operate_one(v_operation, v_id);
    insert into taskflow.operation_item (tenant, operation_id, job_id, outcome, before, code, message)
    values (tenant, operation_id, v_id, v_item.outcome, v_item.before, v_item.code, v_item.message)
    on conflict on constraint operation_item_pkey do nothing;
    v_done := v_done + (v_item.code is null)::integer;
  end loop;
  update taskflow.operation o
     set state = case when job_ids = '{}' then 'done' else 'running' end,
         started_at = coalesce(o.started_at, taskflow.now()),
         finished_at = case when job_ids = '{}' then taskflow.now() end,
         last_id = greatest(o.last_id, (select max(u) from unnest(job_ids) u)),
         done = o.done + v_done, refused = o.refused + cardinality(job_ids) - v_done
   where o.tenant = operate.tenant and o.id = operate.operation_id
  returning o.state into v_operation.state;
  return v_operation.state;
end
$$;
