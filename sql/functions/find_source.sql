-- A source of incoming webhooks. Raises TF182 where there is none. Internal.
create or replace function taskflow.find_source(name text, tenant text) returns taskflow.webhook_source
language plpgsql stable as $$
declare
  v_s taskflow.webhook_source;
begin
  select * into v_s from taskflow.webhook_source s
   where s.tenant = taskflow.tenant_of(find_source.tenant) and s.name = find_source.name;
  if not found then
    raise exception 'source % does not exist', coalesce(quote_literal(left(find_source.name, 80)), 'NULL')
      using errcode = 'TF182', hint = 'Make it with put_source.';
  end if;
  return v_s;
end
$$;
