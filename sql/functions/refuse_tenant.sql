-- Says that a tenant is not the caller's. Raises 42501. Internal.
create or replace function taskflow.refuse_tenant(tenant text) returns text
language plpgsql stable as $$
begin
  raise exception 'this call is bound to tenant %', coalesce(quote_literal(taskflow.bound_tenant()), 'none')
    using errcode = '42501', hint = 'The API sets taskflow.tenant for each transaction and names no other.';
end
$$;
