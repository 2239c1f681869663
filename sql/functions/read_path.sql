-- Parses an SQL/JSON path of a definition and says which steps it reads. It must start from $.input,
-- $.steps.NAME, $.item or $.index: what it reads is then known before the run, and nothing else is
-- fetched for it. `fault` says what is wrong, NULL if nothing is. Internal.
create or replace function taskflow.read_path(
  path text, out expression jsonpath, out steps text[], out uses_item boolean, out is_constant boolean, out fault text
)
language plpgsql immutable as $$
declare
  v_text text;
  v_roots integer;
begin
  if length(path) > 2000 then
    fault := format('has %s characters, the limit is 2000', length(path));
    return;
  end if;
  begin
    expression := path::jsonpath;
  exception when others then
    fault := 'is no SQL/JSON path: ' || sqlerrm;
    return;
  end;
  -- as Postgres writes it every key is quoted, so a $ outside quotes is a root or a variable
  v_text := expression::text;
  v_roots := length(v_text) - length(replace(v_text, '$', ''));
  is_constant := v_roots = 0;
  if v_text ~ '"[^"]*\$' then
    v_text := regexp_replace(v_text, '(\."(?:[^"\\]|\\.)*")|"(?:[^"\\]|\\.)*"', '\1', 'g');
    v_roots := length(regexp_replace(v_text, '"(?:[^"\\]|\\.)*"|[^$"]', '', 'g'));
  end if;
  select coalesce(array_agg(distinct m[2]) filter (where m[2] is not null), '{}'),
         coalesce(bool_or(m[1] ~ '^(item|index)$'), false),
         case when count(*) <> v_roots then
           'must start from $.input, $.steps.NAME, $.item or $.index wherever it has a $: ' || left(path, 200) end
    into steps, uses_item, fault
    from regexp_matches(v_text, '\$\."(input|item|index|steps"\."([A-Za-z0-9_-]+))"', 'g') m;
end
$$;
