-- Removes a source of incoming webhooks, its secret and the ids it has received. Answers whether there was one.
create or replace function taskflow.delete_source(name text, tenant text default null) returns boolean
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
declare
  v_tenant text := taskflow.tenant_of(delete_source.tenant);
begin
  delete from taskflow.webhook_secret s where s.tenant = v_tenant and s.owner = 'source ' || delete_source.name;
  delete from taskflow.webhook_received r where r.tenant = v_tenant and r.source = delete_source.name;
  delete from taskflow.webhook_source s where s.tenant = v_tenant and s.name = delete_source.name;
  return found;
end
$$;
