-- Checks the options of a definition's jobs as enqueue does, once for each kind that occurs, and that
-- arguments are within bounds. Raises TF160. Internal.
create or replace function taskflow.check_options(tenant text, workflow_id bigint) returns void
language plpgsql volatile
-- nothing is known of the sizes of what is joined here: row by row it would take minutes
set enable_nestloop = off
as $$
declare
  v_max_bytes integer := taskflow.config('max_args_bytes')::integer;
  v_node record;
  v_unknown text;
begin
  for v_node in
    select distinct on (o.task, o.options) o.task, o.options, o.place
      from taskflow.workflow_node n
     cross join lateral (
       select n.target as task, n.options, format('nodes.%s.options', n.name) as place where n.options is not null
        union all
       select n.undo ->> 'task', n.undo -> 'options', format('nodes.%s.compensate.options', n.name) where n.undo ? 'options') o
     where n.tenant = check_options.tenant and n.workflow_id = check_options.workflow_id
     order by o.task, o.options, o.place collate "C"
  loop
    select k into v_unknown from jsonb_object_keys(v_node.options) k
     where k not in ('queue', 'priority', 'max_attempts', 'timeout', 'tags', 'meta', 'delay') limit 1;
    if found then
      perform taskflow.refuse_workflow(v_node.place, format('"%s" is not known here', left(v_unknown, 80)),
                                       'A node''s job may have queue, priority, max_attempts, timeout, tags, meta and delay.');
    end if;
    begin
      perform taskflow.job_template(
        v_node.task, v_node.options ->> 'queue', v_node.options ->> 'priority', null, taskflow.read_pause(v_node.options -> 'delay'),
        (v_node.options ->> 'max_attempts')::integer, taskflow.read_pause(v_node.options -> 'timeout'), null,
        case when v_node.options ? 'tags' then array(select jsonb_array_elements_text(v_node.options -> 'tags')) end,
        v_node.options -> 'meta', check_options.tenant);
    exception when sqlstate 'TF110' or sqlstate 'TF111' or sqlstate 'TF112' or data_exception then
      perform taskflow.refuse_workflow(v_node.place, sqlerrm);
    end;
    if (v_node.options ? 'delay' and taskflow.read_pause(v_node.options -> 'delay') is null)
       or (v_node.options ? 'timeout' and taskflow.read_pause(v_node.options -> 'timeout') is null) then
      perform taskflow.refuse_workflow(v_node.place, 'delay and timeout must be durations', 'Write ''5m'' or a number of seconds.');
    end if;
  end loop;
  for v_node in
    select n.args, format('nodes.%s.%s', n.name, case n.kind when 'task' then 'args' else 'input' end) as place
      from taskflow.workflow_node n
     where n.tenant = check_options.tenant and n.workflow_id = check_options.workflow_id and n.args is not null
       and not taskflow.args_ok(n.args, v_max_bytes)
     order by n.no limit 1
  loop
    begin
      perform taskflow.check_args(v_node.args, v_max_bytes);
    exception when sqlstate 'TF113' or sqlstate 'TF114' or sqlstate 'TF115' or sqlstate 'TF116' then
      perform taskflow.refuse_workflow(v_node.place, sqlerrm);
    end;
  end loop;
end
$$;
