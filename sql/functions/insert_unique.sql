-- Inserts a job, or finds the live job of its queue that holds its unique key. Answers the
-- id of either; every caller of a race gets the winner's. Looking first spares a
-- sequence value per refusal, the loop covers a holder that ends between the two statements.
create or replace function taskflow.insert_unique(new_job taskflow.job) returns bigint
language plpgsql volatile as $$
declare
  v_id bigint;
begin
  loop
    select j.id into v_id from taskflow.job j
     where j.tenant = new_job.tenant and j.queue = new_job.queue and j.unique_key = new_job.unique_key;
    if found then
      return v_id;
    end if;
    insert into taskflow.job (run_at, created_at, max_attempts, priority, deadline, timeout, tenant,
                              queue, task, created_by, unique_key, tags, args, meta)
    select new_job.run_at, new_job.created_at, new_job.max_attempts, new_job.priority, new_job.deadline,
           new_job.timeout, new_job.tenant, new_job.queue, new_job.task, new_job.created_by,
           new_job.unique_key, new_job.tags, new_job.args, new_job.meta
    on conflict (tenant, queue, unique_key) where unique_key is not null do nothing
    returning id into v_id;
    if found then
      return v_id;
    end if;
  end loop;
end
$$;
