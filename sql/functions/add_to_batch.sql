-- Enqueues one job of a task for each object of the array `args` and puts them into an open batch.
-- `options` are those of enqueue_many, but for unique keys and depends_on: {"queue", "priority", "run_at",
-- "delay", "max_attempts", "timeout", "tags", "meta", "deadline"}. Answers as enqueue_many does.
-- Raises what enqueue_many and put_in_batch raise.
create or replace function taskflow.add_to_batch(
  batch_id bigint, task text, args jsonb, options jsonb default null, tenant text default null, out ids bigint[], out refused jsonb
)
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
#variable_conflict use_column
declare
  v_tenant text := taskflow.tenant_of(add_to_batch.tenant);
  v_options jsonb := coalesce(options, '{}');
  v_unknown text;
begin
  perform taskflow.find_batch(add_to_batch.batch_id, v_tenant);
  if jsonb_typeof(v_options) <> 'object' then
    raise exception 'options must be a JSON object, got %', jsonb_typeof(v_options) using errcode = 'TF111', hint = 'Write {"queue": "mail"}.';
  end if;
  select k into v_unknown from jsonb_object_keys(v_options) k
   where k not in ('queue', 'priority', 'run_at', 'delay', 'max_attempts', 'timeout', 'tags', 'meta', 'deadline') limit 1;
  if found then
    raise exception 'a batch cannot give its jobs the option "%"', left(v_unknown, 80)
      using errcode = 'TF111', hint = 'Enqueue them with enqueue_job, then put_in_batch(batch_id, ids).';
  end if;
  begin
    select e.ids, e.refused into ids, refused
      from taskflow.enqueue_many(
        add_to_batch.task, add_to_batch.args, v_options ->> 'queue', v_options ->> 'priority', (v_options ->> 'run_at')::timestamptz,
        taskflow.read_pause(v_options -> 'delay'), (v_options ->> 'max_attempts')::integer, taskflow.read_pause(v_options -> 'timeout'),
        null, case when v_options ? 'tags' then array(select jsonb_array_elements_text(v_options -> 'tags')) end, v_options -> 'meta',
        v_tenant, (v_options ->> 'deadline')::timestamptz) e;
  exception when data_exception then
    raise exception 'an option cannot be read: %', sqlerrm using errcode = 'TF111', hint = 'Write times as in JSON: "2026-11-23T08:00:00Z".';
  end;
  perform taskflow.put_in_batch(add_to_batch.batch_id, ids, v_tenant);
end
$$;
