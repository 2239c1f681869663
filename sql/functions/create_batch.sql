-- Opens a batch: jobs that are counted together, with callbacks for the end of the last one. Put jobs in
-- with add_to_batch or put_in_batch, then close it with close_batch: it ends when it is closed and all
-- its jobs have ended. Callbacks are {"task": "...", "args": {...}, "options": {...}}:
--   on_finish   when all jobs have ended, however
--   on_success  when all have succeeded
--   on_failure  when all have ended and one of them is dead or cancelled
-- Each comes once, as a job with {"batch": {"id", "total", ...}} in its meta. Answers the batch's id.
-- Raises TF110-TF116 for what is wrong with a callback.
create or replace function taskflow.create_batch(
  name text default null,
  on_success jsonb default null,
  on_failure jsonb default null,
  on_finish jsonb default null,
  meta jsonb default null,
  tenant text default null
) returns bigint
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
declare
  v_tenant text := taskflow.tenant_of(create_batch.tenant);
  v_call jsonb;
  v_id bigint;
begin
  perform taskflow.check_name('tenant', v_tenant);
  if create_batch.name !~ '^[^[:cntrl:]]{1,200}$' then
    raise exception 'batch name % is not valid', quote_literal(left(create_batch.name, 80))
      using errcode = 'TF110', hint = 'Use 1 to 200 characters, none of them control characters.';
  elsif create_batch.meta is not null and not taskflow.args_ok(create_batch.meta, 65536) then
    raise exception 'meta must be a JSON object of at most 64 kB, 64 levels and numbers up to 1e300'
      using errcode = 'TF111', hint = 'Store the data elsewhere and keep its key.';
  end if;
  foreach v_call in array array[create_batch.on_success, create_batch.on_failure, create_batch.on_finish] loop
    if v_call is not null then
      perform taskflow.batch_callback(v_call, v_tenant);
    end if;
  end loop;
  insert into taskflow.batch (tenant, name, created_at, created_by, on_success, on_failure, on_finish, meta)
  values (v_tenant, create_batch.name, taskflow.now(), taskflow.caller(), create_batch.on_success, create_batch.on_failure,
          create_batch.on_finish, nullif(create_batch.meta, '{}'))
  returning id into v_id;
  return v_id;
end
$$;
