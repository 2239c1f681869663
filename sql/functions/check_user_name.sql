-- Refuses a name that no user or key may have. Raises TF110. Internal.
create or replace function taskflow.check_user_name(name text) returns void
language plpgsql immutable as $$
begin
  if name is null or name !~ '^[A-Za-z0-9_.@+-]{1,100}$' then
    raise exception 'name % is not valid', coalesce(quote_literal(left(name, 80)), 'NULL')
      using errcode = 'TF110', hint = 'Use 1 to 100 letters, digits and _ . @ + -';
  end if;
end
$$;
