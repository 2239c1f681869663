-- Whether a JSON value is of a schema's type, or of one of its types. Internal.
create or replace function taskflow.has_schema_type(type jsonb, value jsonb) returns boolean
language sql immutable parallel safe as $$
  select exists (
    select from jsonb_array_elements_text(case jsonb_typeof(type) when 'array' then type else jsonb_build_array(type) end) t (kind)
     where t.kind = jsonb_typeof(has_schema_type.value)
        or (t.kind = 'integer' and jsonb_typeof(has_schema_type.value) = 'number' and has_schema_type.value::numeric % 1 = 0))
$$;
