-- What is wrong with a JSON value by a JSON Schema, as 'path: problem', or NULL when nothing is. Knows
-- what task contracts are made of: type, enum, const, anyOf, $ref, properties, required,
-- additionalProperties, items, prefixItems, lengths and bounds. Formats and patterns are left to the
-- worker, which knows the types behind them.
create or replace function taskflow.schema_problem(schema jsonb, value jsonb, path text default '', root jsonb default null, depth integer default 0)
returns text
language plpgsql immutable parallel safe as $$
declare
  v_root jsonb := coalesce(root, schema);
  v_type text := jsonb_typeof(value);
  v_where text := coalesce(nullif(path, ''), 'arguments');
  v_key text;
  v_item jsonb;
  v_problem text;
  v_first text;
  v_place integer := 0;
begin
  if depth > 200 or jsonb_typeof(schema) <> 'object' then
    return case when schema = 'false' then v_where || ': is not allowed' end;
  elsif schema ? '$ref' then
    return taskflow.schema_problem(v_root #> string_to_array(ltrim(schema ->> '$ref', '#/'), '/'), value, path, v_root, depth + 1);
  elsif schema ? 'anyOf' then
    for v_item in select jsonb_array_elements(schema -> 'anyOf') loop
      v_problem := taskflow.schema_problem(v_item, value, path, v_root, depth + 1);
      if v_problem is null then
        return null;
      end if;
      v_first := coalesce(v_first, v_problem);
    end loop;
    return v_first;
  elsif schema ? 'enum' and not schema -> 'enum' @> jsonb_build_array(value) then
    return format('%s: expected one of %s, got %s', v_where, left((schema -> 'enum')::text, 200), left(value::text, 80));
  elsif schema ? 'const' and schema -> 'const' <> value then
    return format('%s: expected %s, got %s', v_where, schema -> 'const', left(value::text, 80));
  elsif schema ? 'type' and not taskflow.has_schema_type(schema -> 'type', value) then
    return format('%s: expected %s, got %s', v_where, schema ->> 'type', left(value::text, 80));
  end if;
  if v_type = 'object' then
    for v_key in select jsonb_array_elements_text(coalesce(schema -> 'required', '[]')) loop
      if not value ? v_key then
        return format('%s is missing', ltrim(path || '.' || v_key, '.'));
      end if;
    end loop;
    for v_key, v_item in select e.key, e.value from jsonb_each(value) e loop
      v_problem := case
        when schema -> 'properties' ? v_key then
          taskflow.schema_problem(schema -> 'properties' -> v_key, v_item, ltrim(path || '.' || v_key, '.'), v_root, depth + 1)
        when schema -> 'additionalProperties' = 'false' then
          format('%s is not known; there is %s', ltrim(path || '.' || v_key, '.'),
                 coalesce((select string_agg(k, ', ' order by k) from jsonb_object_keys(schema -> 'properties') k), 'none'))
        when schema ? 'additionalProperties' then
          taskflow.schema_problem(schema -> 'additionalProperties', v_item, ltrim(path || '.' || v_key, '.'), v_root, depth + 1) end;
      if v_problem is not null then
        return v_problem;
      end if;
    end loop;
  elsif v_type = 'array' then
    if jsonb_array_length(value) not between coalesce((schema ->> 'minItems')::integer, 0) and coalesce((schema ->> 'maxItems')::integer, 2147483647) then
      return format('%s: expected %s to %s items, got %s', v_where, coalesce(schema ->> 'minItems', '0'), coalesce(schema ->> 'maxItems', 'any number of'), jsonb_array_length(value));
    end if;
    for v_item in select jsonb_array_elements(value) loop
      v_problem := taskflow.schema_problem(coalesce(schema -> 'prefixItems' -> v_place, schema -> 'items', '{}'), v_item, format('%s[%s]', path, v_place), v_root, depth + 1);
      if v_problem is not null then
        return v_problem;
      end if;
      v_place := v_place + 1;
    end loop;
  elsif v_type = 'string' and length(value #>> '{}') not between coalesce((schema ->> 'minLength')::integer, 0) and coalesce((schema ->> 'maxLength')::integer, 2147483647) then
    return format('%s: expected %s to %s characters, got %s', v_where, coalesce(schema ->> 'minLength', '0'), coalesce(schema ->> 'maxLength', 'any number of'), length(value #>> '{}'));
  elsif v_type = 'number' and not (
          coalesce(value::numeric >= (schema ->> 'minimum')::numeric, true) and coalesce(value::numeric <= (schema ->> 'maximum')::numeric, true)
      and coalesce(value::numeric > (schema ->> 'exclusiveMinimum')::numeric, true) and coalesce(value::numeric < (schema ->> 'exclusiveMaximum')::numeric, true)
      and coalesce(value::numeric % nullif((schema ->> 'multipleOf')::numeric, 0) = 0, true)) then
    return format('%s: %s is out of bounds', v_where, left(value::text, 80));
  end if;
  return null;
end
$$;
