-- A template with its paths replaced by what they give over a context; what comes from there is not
-- looked into again. A path that gives nothing gives null, and raises if it begins with strict. Internal.
create or replace function taskflow.fill_template(template jsonb, context jsonb) returns jsonb
language plpgsql immutable as $$
begin
  case jsonb_typeof(template)
    when 'object' then
      if template ? '$path' then
        return coalesce(jsonb_path_query_first(context, (template ->> '$path')::jsonpath), 'null');
      elsif template ? '$all' then
        return jsonb_path_query_array(context, (template ->> '$all')::jsonpath);
      elsif template ? '$value' then
        return template -> '$value';
      end if;
      return (select coalesce(jsonb_object_agg(f.key, taskflow.fill_template(f.value, context)), '{}') from jsonb_each(template) f);
    when 'array' then
      return (select coalesce(jsonb_agg(taskflow.fill_template(f.value, context) order by f.no), '[]')
                from jsonb_array_elements(template) with ordinality f (value, no));
    else
      return template;
  end case;
end
$$;
