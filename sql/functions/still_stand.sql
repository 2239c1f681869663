-- Of callers that were let in before, who still is: for each, in order, whether its key works, or its user with
-- the version of its token. What holds a connection open asks this now and then.
create or replace function taskflow.still_stand(tenants text[], kinds text[], ids bigint[], token_versions integer[])
returns boolean[]
language sql stable security definer set search_path = taskflow, pg_temp as $$
  select coalesce(array_agg(
           case a.kind when 'key' then exists (
                  select from taskflow.api_key k left join taskflow.api_user u on u.tenant = k.tenant and u.id = k.user_id
                   where k.tenant = a.tenant and k.id = a.id and k.revoked_at is null and u.disabled_at is null
                     and coalesce(k.expires_at, 'infinity') > taskflow.now())
                else exists (
                  select from taskflow.api_user u
                   where u.tenant = a.tenant and u.id = a.id and u.disabled_at is null
                     and u.token_version = coalesce(a.token_version, u.token_version)) end
           and not exists (select from taskflow.tenant t where t.tenant = a.tenant and t.disabled_at is not null)
           order by a.place), '{}')
    from unnest(tenants, kinds, ids, token_versions) with ordinality a (tenant, kind, id, token_version, place)
$$;
