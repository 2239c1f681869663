-- The expressions in a template: objects {"$path": "..."} and {"$all": "..."}, wherever they stand; not
-- inside {"$value": ...}. `fault` for an object that has more than that. Internal.
create or replace function taskflow.paths_in(template jsonb, start text)
returns table (place text, path text, fault text)
language sql immutable as $$
  with recursive walk (place, value) as (
    select start, template
    union all
    select w.place || '.' || e.key, e.value
      from walk w
     cross join lateral (
       select o.key, o.value
         from jsonb_each(case when jsonb_typeof(w.value) = 'object' and not w.value ?| '{$path,$all,$value}' then w.value else '{}' end) o
        union all
       select (a.no - 1)::text, a.value
         from jsonb_array_elements(case when jsonb_typeof(w.value) = 'array' then w.value else '[]' end) with ordinality a (value, no)) e)
  select w.place, coalesce(w.value ->> '$path', w.value ->> '$all'),
         case when (select count(*) from jsonb_object_keys(w.value)) <> 1 then 'has fields beside "$path", "$all" or "$value"'
              when jsonb_typeof(coalesce(w.value -> '$path', w.value -> '$all')) <> 'string' then '"$path" and "$all" must be texts' end
    from walk w
   where jsonb_typeof(w.value) = 'object' and w.value ?| '{$path,$all,$value}'
$$;
