-- Refuses a queue or tenant name outside [a-z0-9_.-]{1,63}: it must fit a channel payload, a URL,
-- a shell word and a metric label as it is. Raises TF110.
create or replace function taskflow.check_name(kind text, name text) returns void
language plpgsql immutable parallel safe as $$
begin
  if name is null or name !~ '^[a-z0-9_.-]{1,63}$' then
    raise exception '% name % is not valid', kind, coalesce(quote_literal(left(name, 80)), 'NULL')
      using errcode = 'TF110', hint = 'Use 1 to 63 of a-z 0-9 _ . -';
  end if;
end
$$;
