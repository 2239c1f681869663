-- Whether a result may be stored: within max_bytes as text, at most 64 levels deep, no number beyond
-- 1e300. As in args_ok, short texts can break the first rule only.
create or replace function taskflow.result_ok(result jsonb, max_bytes integer) returns boolean
language sql stable parallel safe as $$
  select result is null
      or octet_length(result::text) <= least(128, max_bytes)
      or (octet_length(result::text) <= max_bytes
          and not jsonb_path_exists(result, 'strict $.**{65}')
          and not (octet_length(result::text) > 300
                   and jsonb_path_exists(result, '$.** ? (@.type() == "number" && (@ > 1e300 || @ < -1e300))')))
$$;
