-- The careful form of enqueue_many: item by item, so that a refused one or a taken unique key
-- changes nothing for the others. In the order of the unique keys: two callers with the same keys in
-- different orders would otherwise wait for each other. Internal.
create or replace function taskflow.enqueue_each(
  template taskflow.job, args jsonb, unique_keys text[], max_bytes integer,
  out ids bigint[], out refused jsonb
)
language plpgsql volatile as $$
declare
  v_job taskflow.job := template;
  v_item record;
  v_code text;
  v_message text;
begin
  ids := array_fill(null::bigint, array[jsonb_array_length(enqueue_each.args)]);
  for v_item in
    select a.value, a.place::integer, unique_keys[a.place] as unique_key
      from jsonb_array_elements(enqueue_each.args) with ordinality a (value, place)
     order by unique_keys[a.place] collate "C", a.place
  loop
    begin
      perform taskflow.check_args(v_item.value, max_bytes);
      if octet_length(v_item.unique_key) not between 1 and 500 then
        raise exception 'unique_key has % bytes, it must have 1 to 500', octet_length(v_item.unique_key)
          using errcode = 'TF111', hint = 'Use a hash of a longer key.';
      end if;
      v_job.args := v_item.value;
      v_job.unique_key := v_item.unique_key;
      ids[v_item.place] := taskflow.insert_unique(v_job);
    exception when sqlstate 'TF111' or sqlstate 'TF113' or sqlstate 'TF114' or sqlstate 'TF115' or sqlstate 'TF116' then
      get stacked diagnostics v_code = returned_sqlstate, v_message = message_text;
      refused := coalesce(refused, '[]') || jsonb_build_object(
        'position', v_item.place - 1, 'code', v_code, 'message', v_message);
    end;
  end loop;
end
$$;
