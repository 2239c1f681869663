-- The unique key that arguments make: a hash of those named, of all with '{*}', NULL with no names.
-- Internal.
create or replace function taskflow.unique_key_of(args jsonb, fields text[]) returns text
language sql stable parallel safe as $$
  select case when fields is not null then encode(sha256(convert_to(case
           when fields = '{*}' then args::text
           else (select jsonb_object_agg(f, args -> f)::text from unnest(fields) f) end, 'UTF8')), 'hex') end
$$;
