-- Refuses to leave a tenant without an administrator. Raises TF191. Internal.
create or replace function taskflow.check_admin_left(tenant text) returns void
language plpgsql stable as $$
begin
  if not exists (select from taskflow.api_user u
                  where u.tenant = check_admin_left.tenant and u.role = 'admin' and u.disabled_at is null) then
    raise exception 'nobody would be left who administers this tenant'
      using errcode = 'TF191', hint = 'Make another user an admin first.';
  end if;
end
$$;
