-- The key that a limit's template makes of a job: 'tenant:{tenant_id}' names arguments, {a.b} one inside
-- another; an argument that is missing counts as empty. A long key is kept as its hash. Internal.
create or replace function taskflow.limit_key_name(template text, args jsonb) returns text
language sql stable parallel safe as $$
  select case when octet_length(k.key) <= 200 then k.key else encode(sha256(convert_to(k.key, 'UTF8')), 'hex') end
    from (select coalesce(string_agg(m.part[1] || coalesce(args #>> string_to_array(nullif(m.part[2], ''), '.'), ''), '' order by m.place), '') as key
            from regexp_matches(template || '{}', '([^{}]*)\{([^{}]*)\}', 'g') with ordinality m (part, place)) k
$$;
