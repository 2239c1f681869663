update taskflow.job set lane_id = null, priority = case when waits_for is null then priority - 10 else priority end
 where lane_id is not null;
do $$
declare
  v_function regprocedure;
begin
  -- the functions that take or answer these rows; an upgrade makes them again
  for v_function in
    select p.oid from pg_proc p
     where p.pronamespace = 'taskflow'::regnamespace
       and (p.prorettype in ('taskflow.job_limit'::regtype, 'taskflow.limit_key'::regtype, 'taskflow.lane'::regtype)
            or 'taskflow.job_limit'::regtype = any (p.proargtypes) or 'taskflow.limit_key'::regtype = any (p.proargtypes)
            or 'taskflow.lane'::regtype = any (p.proargtypes))
  loop
    execute format('drop function %s', v_function);
  end loop;
end
$$;
drop table taskflow.limit_start, taskflow.limit_permit, taskflow.limit_slot, taskflow.lane_bell, taskflow.lane,
  taskflow.limit_key, taskflow.job_limit;
