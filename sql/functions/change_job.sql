-- Lays a new job over one that waits: the fields that the rule names, and with 'merge' its arguments:
-- arrays of one name are joined, old items first, other arguments replaced. Attempts start anew when
-- the arguments change. Internal.
create or replace function taskflow.change_job(
  old_job taskflow.job, new_job taskflow.job, rule taskflow.unique_rule
) returns void
language plpgsql volatile as $$
declare
  v_args jsonb := case when 'args' = any (rule.replaces) then new_job.args else old_job.args end;
begin
  if rule.on_conflict = 'merge' then
    select old_job.args || coalesce(jsonb_object_agg(n.key, case
             when jsonb_typeof(n.value) = 'array' and jsonb_typeof(old_job.args -> n.key) = 'array'
             then (old_job.args -> n.key) || n.value else n.value end), '{}')
      into v_args from jsonb_each(new_job.args) n;
    perform taskflow.check_args(v_args, taskflow.config('max_args_bytes')::integer);
  end if;
  update taskflow.job j
     set args = v_args,
         args_version = case when 'args' = any (rule.replaces) or rule.on_conflict = 'merge' then new_job.args_version
                             else j.args_version end,
         attempt = case when v_args = j.args then j.attempt else 0 end,
         priority = case when 'priority' = any (rule.replaces)
                         then new_job.priority % 10 + j.priority / 10 * 10 else j.priority end,
         run_at = case when 'run_at' = any (rule.replaces) then new_job.run_at else j.run_at end,
         max_attempts = case when 'max_attempts' = any (rule.replaces) then new_job.max_attempts else j.max_attempts end,
         timeout = case when 'timeout' = any (rule.replaces) then new_job.timeout else j.timeout end,
         deadline = case when 'deadline' = any (rule.replaces) then new_job.deadline else j.deadline end,
         tags = case when 'tags' = any (rule.replaces) then new_job.tags else j.tags end,
         meta = case when 'meta' = any (rule.replaces) then new_job.meta else j.meta end
   where j.tenant = old_job.tenant and j.id = old_job.id;
  if old_job.lane_id is not null then
    perform taskflow.relane(old_job.tenant, array[old_job.id]);  -- its key may be another, its time earlier
  end if;
end
$$;
