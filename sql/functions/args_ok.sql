-- Whether arguments are an object that every worker can take: within max_bytes as text, at most 64
-- levels deep, no number beyond 1e300. Up to 128 bytes of text only the first can be wrong, so an
-- ordinary small payload pays for one conversion, and up to 300 bytes no number can be too large.
-- 1e100000 takes a few bytes stored and 100,001 as text, but comparing the two sizes finds it only
-- in small company; looking at each number costs 1 us. Stable, as the cast is: declared immutable it
-- would not be inlined, and cost ten times as much.
create or replace function taskflow.args_ok(args jsonb, max_bytes integer) returns boolean
language sql stable parallel safe as $$
  select coalesce(jsonb_typeof(args) = 'object', false)
     and (octet_length(args::text) <= least(128, max_bytes)
          or (octet_length(args::text) <= max_bytes
              and not jsonb_path_exists(args, 'strict $.**{65}')
              and not (octet_length(args::text) > 300
                       and jsonb_path_exists(args, '$.** ? (@.type() == "number" && (@ > 1e300 || @ < -1e300))'))))
$$;
