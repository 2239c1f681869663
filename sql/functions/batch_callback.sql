-- The job that a callback of a batch stands for: {"task", "args", "options"}. Raises TF110-TF116. Internal.
create or replace function taskflow.batch_callback(callback jsonb, tenant text) returns taskflow.job
language plpgsql volatile as $$
declare
  v_options jsonb := coalesce(callback -> 'options', '{}');
  v_job taskflow.job;
  v_unknown text;
begin
  if jsonb_typeof(callback) <> 'object' or jsonb_typeof(v_options) <> 'object' or callback - '{task,args,options}'::text[] <> '{}' then
    raise exception 'a callback must be {"task": "...", "args": {...}, "options": {...}}'
      using errcode = 'TF111', hint = 'Only task must be there.';
  end if;
  select k into v_unknown from jsonb_object_keys(v_options) k
   where k not in ('queue', 'priority', 'max_attempts', 'timeout', 'tags', 'meta', 'delay') limit 1;
  if found then
    raise exception 'a callback cannot have the option "%"', left(v_unknown, 80)
      using errcode = 'TF111', hint = 'It may have queue, priority, max_attempts, timeout, tags, meta and delay.';
  end if;
  begin
    v_job := taskflow.job_template(
      callback ->> 'task', v_options ->> 'queue', v_options ->> 'priority', null, taskflow.read_pause(v_options -> 'delay'),
      (v_options ->> 'max_attempts')::integer, taskflow.read_pause(v_options -> 'timeout'), null,
      case when v_options ? 'tags' then array(select jsonb_array_elements_text(v_options -> 'tags')) end, v_options -> 'meta', tenant);
  exception when data_exception then
    raise exception 'an option of a callback cannot be read: %', sqlerrm using errcode = 'TF111', hint = 'Write numbers as numbers and texts as texts.';
  end;
  v_job.args := coalesce(callback -> 'args', '{}');
  perform taskflow.check_args(v_job.args, taskflow.config('max_args_bytes')::integer);
  return v_job;
end
$$;
