-- Uses a limit outside of jobs: answers a permit, or after how long to ask again. A permit of a limit of
-- concurrency counts like a running job until release_permit, or until its lease has run out; one of a
-- limit of rate alone needs no release (permit_id 0). Locks: the key. Raises TF111, TF112, TF135.
create or replace function taskflow.take_permit(
  limit_name text, key text default '', weight integer default 1, lease interval default '1 minute',
  holder text default null, tenant text default null, out permit_id bigint, out retry_after interval
)
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
declare
  v_now timestamptz;
  v_rule taskflow.job_limit;
  v_key taskflow.limit_key;
  v_room record;
  v_weight integer;
begin
  select * into v_rule from taskflow.job_limit l
   where l.tenant = taskflow.tenant_of(take_permit.tenant) and l.name = limit_name;
  if not found then
    raise exception 'limit % is not known', quote_literal(left(limit_name, 80))
      using errcode = 'TF135', hint = 'Make it with taskflow.set_limit().';
  elsif take_permit.weight is null or take_permit.weight < 1 then
    raise exception 'weight is %, it must be at least 1', take_permit.weight using errcode = 'TF111', hint = 'Leave it out.';
  elsif lease not between interval '1 second' and interval '1 day' then
    raise exception 'lease is %, it must be 1 s to 1 day', lease using errcode = 'TF112', hint = 'Renew it with renew_permit().';
  end if;
  v_weight := least(take_permit.weight, coalesce(v_rule.concurrency, 1000000), coalesce(v_rule.burst, v_rule.rate, 1000000));
  perform taskflow.find_limit_key(v_rule.tenant, limit_name, left(coalesce(take_permit.key, ''), 200));
  select * into v_key from taskflow.limit_key k
   where k.tenant = v_rule.tenant and k.limit_name = take_permit.limit_name and k.key = left(coalesce(take_permit.key, ''), 200) for update;
  v_now := taskflow.now();  -- of the moment at which nobody else counts
  select * into v_room from taskflow.limit_room(v_key, v_rule, v_now);
  if v_room.room < v_weight then
    retry_after := greatest(coalesce(v_room.opens_at - v_now, interval '200 ms'), interval '1 ms');
    return;
  end if;
  perform taskflow.use_rate(v_key, v_rule, v_weight, v_now);
  permit_id := 0;
  if v_rule.concurrency is not null then
    insert into taskflow.limit_permit (tenant, key_id, until, weight, holder)
    values (v_key.tenant, v_key.id, v_now + lease, v_weight, left(coalesce(take_permit.holder, taskflow.caller()), 200))
    returning id into permit_id;
  end if;
end
$$;
