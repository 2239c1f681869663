-- Decides what becomes of a step whose turn has come: go (with its arguments, or the items of a
-- for_each), skip or fail. Whatever goes wrong in an expression fails the step that it belongs to, and
-- nothing else: no error may leave here, or it would undo the settle of a whole batch. Internal.
create or replace function taskflow.evaluate_step(
  tenant text, run_id bigint, node taskflow.workflow_node, out verdict text, out args jsonb, out items jsonb, out said text
)
language plpgsql stable as $$
declare
  v_context jsonb;
  v_met boolean;
  v_part text := 'condition';
begin
  verdict := 'go';
  begin
    if node.condition is not null or node.items is not null then
      v_context := taskflow.step_context(tenant, run_id, node.early_reads);
    end if;
    if node.condition is not null then
      v_met := jsonb_path_match(v_context, node.condition);
      if v_met is null then
        verdict := 'fail';
        said := 'its condition is neither true nor false: ' || node.condition;
      elsif not v_met then
        verdict := 'skip';
      end if;
    end if;
    v_part := case when node.items is not null then 'for_each' else 'arguments' end;
    if verdict = 'go' and node.items is not null then
      items := jsonb_path_query_array(v_context, node.items);
      if jsonb_array_length(items) > 10000 then
        verdict := 'fail';
        said := format('for_each gives %s items, the limit is 10000', jsonb_array_length(items));
      end if;
    elsif verdict = 'go' and node.has_paths then
      args := taskflow.fill_template(node.args, taskflow.step_context(tenant, run_id, node.reads));
      perform taskflow.check_args(args, taskflow.config('max_args_bytes')::integer);
    else
      args := node.args;
    end if;
  exception when others then
    verdict := 'fail';
    said := format('its %s cannot be worked out: %s', v_part, sqlerrm);
  end;
end
$$;
