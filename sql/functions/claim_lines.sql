-- In which order a claim goes through a queue: its priorities; 20 more stands for overdue jobs of one
-- alone, and -1 for the lanes, which come first and last by turns. Internal.
create or replace function taskflow.claim_lines(queue text, priorities smallint[], batch_id bigint, at_time timestamptz)
returns smallint[]
language plpgsql stable as $$
declare
  v_lines smallint[] := array(select p from unnest(priorities) with ordinality u (p, place) where p between 0 and 3 order by place);
begin
  if batch_id % ceil(1 / nullif(taskflow.config('starving_share')::numeric, 0))::bigint = 0 then
    v_lines := array(select p + 20 from unnest(v_lines) with ordinality u (p, place) order by place desc) || v_lines;
  end if;
  if exists (select from taskflow.lane_bell b where b.queue = claim_lines.queue and b.at <= at_time) then
    v_lines := case when batch_id % 2 = 0 then -1::smallint || v_lines else v_lines || -1::smallint end;
  end if;
  return v_lines;
end
$$;
