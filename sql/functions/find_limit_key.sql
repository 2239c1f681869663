-- The id of one key of a limit; made when it is new. Internal.
create or replace function taskflow.find_limit_key(tenant text, limit_name text, key text) returns bigint
language plpgsql volatile as $$
#variable_conflict use_column
declare
  v_id bigint;
begin
  loop
    select k.id into v_id from taskflow.limit_key k
     where k.tenant = find_limit_key.tenant and k.limit_name = find_limit_key.limit_name and k.key = find_limit_key.key;
    if found then
      return v_id;
    end if;
    insert into taskflow.limit_key (tenant, limit_name, key)
    values (find_limit_key.tenant, find_limit_key.limit_name, find_limit_key.key)
    on conflict (tenant, limit_name, key) do nothing returning id into v_id;
    if found then
      return v_id;
    end if;
  end loop;
end
$$;
