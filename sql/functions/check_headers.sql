-- Checks the headers that an endpoint's requests get: an object of at most 20 texts, none that could end a
-- line, and none that the sending itself decides. Raises TF111. Internal.
create or replace function taskflow.check_headers(headers jsonb) returns void
language plpgsql immutable parallel safe as $$
declare
  v_bad text;
begin
  if jsonb_typeof(headers) is distinct from 'object' or (select count(*) from jsonb_object_keys(headers)) > 20 then
    raise exception 'headers must be a JSON object of at most 20 texts' using errcode = 'TF111', hint = 'Write {"X-Name": "value"}.';
  end if;
  select h.key into v_bad from jsonb_each(headers) h
   where jsonb_typeof(h.value) <> 'string' or h.key !~ '^[A-Za-z0-9!#$%&''*+.^_`|~-]{1,100}$'
      or (h.value #>> '{}') !~ '^[\x20-\x7e]*$' or length(h.value #>> '{}') > 4000
      or lower(h.key) ~ '^(host|content-(length|type|encoding)|transfer-encoding|connection|keep-alive|te|trailer|upgrade|expect|accept-encoding|proxy-.*|webhook-.*)$'
   limit 1;
  if v_bad is not null then
    raise exception 'header % cannot be set', quote_literal(left(v_bad, 100))
      using errcode = 'TF111', hint = 'Names and values are plain ASCII on one line; what frames, routes or signs the request is not yours to set.';
  end if;
end
$$;
