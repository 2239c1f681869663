-- The careful form of enqueue_many: item by item, so that a refused one or a taken unique key
-- changes nothing for the others. In the order of the unique keys: two callers with the same keys in
-- different orders would otherwise wait for each other. Internal.
create or replace function taskflow.enqueue_each(
  template taskflow.job, args jsonb, unique_keys text[], rule taskflow.unique_rule, max_bytes integer,
  depends_on bigint[], on_parent_failure text, out ids bigint[], out refused jsonb, out outcomes text[]
)
language plpgsql volatile as $$
declare
  v_job taskflow.job := template;
  v_item record;
  v_placed record;
  v_code text;
  v_message text;
begin
  ids := array_fill(null::bigint, array[jsonb_array_length(enqueue_each.args)]);
  outcomes := array_fill('refused'::text, array[jsonb_array_length(enqueue_each.args)]);
  for v_item in
    select a.value, a.place::integer, k.unique_key
      from jsonb_array_elements(enqueue_each.args) with ordinality a (value, place)
     cross join lateral (
       select coalesce(unique_keys[a.place], taskflow.unique_key_of(a.value, rule.fields)) as unique_key) k
     order by k.unique_key collate "C", a.place
  loop
    begin
      v_job.args := case when template.args_version is null then taskflow.fit_args(template.task, v_item.value) else v_item.value end;
      perform taskflow.check_args(v_job.args, max_bytes);
      if octet_length(v_item.unique_key) not between 1 and 500 then
        raise exception 'unique_key has % bytes, it must have 1 to 500', octet_length(v_item.unique_key)
          using errcode = 'TF111', hint = 'Use a hash of a longer key.';
      end if;
      v_job.unique_key := v_item.unique_key;
      select p.id, p.outcome into v_placed
        from taskflow.place_job(v_job, case when v_item.unique_key is not null then rule end, depends_on, on_parent_failure) p;
      ids[v_item.place] := v_placed.id;
      outcomes[v_item.place] := v_placed.outcome;
    exception when sqlstate 'TF111' or sqlstate 'TF113' or sqlstate 'TF114' or sqlstate 'TF115' or sqlstate 'TF116' or sqlstate 'TF118'
                or sqlstate 'TF123' then
      get stacked diagnostics v_code = returned_sqlstate, v_message = message_text;
      refused := coalesce(refused, '[]') || jsonb_build_object(
        'position', v_item.place - 1, 'code', v_code, 'message', v_message);
    end;
  end loop;
end
$$;
