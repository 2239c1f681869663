-- The careful half of settle_many: ends that are not plain completions, one by one, so that a
-- malformed one changes nothing for the others: it is answered as 'refused' and stays the caller's
-- until its lease runs out. Internal.
create or replace function taskflow.settle_each(others jsonb)
returns table (id bigint, claim_no bigint, status text)
language plpgsql volatile as $$
#variable_conflict use_column
declare
  v_other jsonb;
begin
  for v_other in select jsonb_array_elements(others) loop
    begin
      id := null;
      id := (v_other ->> 'id')::bigint;
      claim_no := (v_other ->> 'claim_no')::bigint;
      status := taskflow.settle(
        id, claim_no, v_other ->> 'outcome', v_other -> 'result', (v_other ->> 'delay')::interval,
        v_other ->> 'reason', v_other -> 'error', coalesce(v_other ->> 'tenant', 'default'),
        (v_other ->> 'until')::timestamptz, v_other ->> 'hold_limit');
    exception when data_exception or program_limit_exceeded or sqlstate 'TF111' or sqlstate 'TF114'
                or sqlstate 'TF115' or sqlstate 'TF116' then
      status := 'refused';
    end;
    if status <> 'applied' then
      return next;
    end if;
  end loop;
end
$$;
