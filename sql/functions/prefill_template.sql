-- A template with all paths replaced but those that read $.item or $.index: what is the same for every
-- item of a for_each step is worked out once, and no item carries the whole context with it. Internal.
create or replace function taskflow.prefill_template(template jsonb, context jsonb) returns jsonb
language plpgsql immutable as $$
begin
  case jsonb_typeof(template)
    when 'object' then
      if template ?| '{$path,$all}' then
        if coalesce(template ->> '$path', template ->> '$all')::jsonpath::text ~ '\$\."(item|index)"' then
          return template;
        end if;
        return jsonb_build_object('$value', taskflow.fill_template(template, context));
      elsif template ? '$value' then
        return template;
      end if;
      return (select coalesce(jsonb_object_agg(f.key, taskflow.prefill_template(f.value, context)), '{}') from jsonb_each(template) f);
    when 'array' then
      return (select coalesce(jsonb_agg(taskflow.prefill_template(f.value, context) order by f.no), '[]')
                from jsonb_array_elements(template) with ordinality f (value, no));
    else
      return template;
  end case;
end
$$;
