-- Inserts a job with what ties it to others, or finds the one that holds its unique key. Answers the
-- id, and whether it was enqueued, or the holder is existing, replaced or merged. Looking first spares
-- a sequence value per refusal; the loop covers a holder that ends, or comes, between two statements.
-- Raises TF120 for an unknown parent, TF123 for a taken key with on_conflict 'raise'. Internal.
create or replace function taskflow.place_job(
  new_job taskflow.job, rule taskflow.unique_rule, depends_on bigint[] default null,
  on_parent_failure text default null, out id bigint, out outcome text
)
language plpgsql volatile as $$
declare
  v_key text := new_job.unique_key;
begin
  new_job.args_version := coalesce(new_job.args_version, taskflow.published_version(new_job.task));
  if taskflow.has_limits(new_job.tenant, new_job.queue, new_job.task) then
    new_job.lane_id := taskflow.find_lane(new_job.tenant, new_job.queue, new_job.task, new_job.args);
  end if;
  if depends_on is not null or new_job.lane_id is not null then
    new_job.priority := new_job.priority + 10;  -- aside of the ready line
  end if;
  if depends_on is not null then
    new_job.state := 'blocked';
    new_job.waits_for := cardinality(depends_on);
  end if;
  loop
    if v_key is not null then
      select m.id, m.outcome into id, outcome from taskflow.meet_holder(new_job, rule) m;
      exit when outcome is not null;
    end if;
    id := nextval('taskflow.job_id_seq');
    if rule.window_ is not null then
      insert into taskflow.unique_window as w (tenant, scope, key, job_id, expires_at)
      values (new_job.tenant, coalesce(new_job.unique_scope, new_job.queue), v_key, place_job.id,
              new_job.created_at + rule.window_)
      on conflict (tenant, scope, key) do update set job_id = excluded.job_id, expires_at = excluded.expires_at
       where w.expires_at <= new_job.created_at;
      continue when not found;
    end if;
    insert into taskflow.job (id, run_at, created_at, state, max_attempts, priority, deadline, timeout, tenant,
                              queue, task, created_by, unique_key, unique_scope, tags, args, meta, waits_for, lane_id, args_version)
    values (place_job.id, new_job.run_at, new_job.created_at, coalesce(new_job.state, 'ready'),
            new_job.max_attempts, new_job.priority, new_job.deadline, new_job.timeout, new_job.tenant,
            new_job.queue, new_job.task, new_job.created_by,
            case when rule.window_ is null then v_key end, new_job.unique_scope, new_job.tags,
            new_job.args, new_job.meta, new_job.waits_for, new_job.lane_id,
            new_job.args_version)
    on conflict do nothing;
    if found then
      outcome := 'enqueued';
      if depends_on is not null then
        perform taskflow.follow(new_job.tenant, id, depends_on, on_parent_failure);
      elsif new_job.lane_id is not null then
        perform taskflow.enter_lane(new_job, new_job.run_at);
      end if;
      exit;
    end if;
  end loop;
end
$$;
