-- Whether a result may be stored: within max_bytes as text, at most 64 levels deep.
create or replace function taskflow.result_ok(result jsonb, max_bytes integer) returns boolean
language sql stable parallel safe as $$
  select result is null
      or octet_length(result::text) <= least(128, max_bytes)
      or (octet_length(result::text) <= max_bytes and not jsonb_path_exists(result, 'strict $.**{65}'))
$$;
