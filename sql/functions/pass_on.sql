-- Sees to it that lanes which wait for a key hear of its room: those that have waited longest at once, as
-- many as there is room for; or, when it opens by itself, the first of them at that time. One timer for
-- a key, however many lanes wait for it. Internal.
create or replace function taskflow.pass_on(
  limit_key taskflow.limit_key, rule taskflow.job_limit, room integer, at_time timestamptz
) returns void
language plpgsql volatile as $$
declare
  v_first taskflow.lane;
  v_key taskflow.limit_key;
  v_opens_at timestamptz;
begin
  if room > 0 then
    perform taskflow.ring_waiting(limit_key.tenant, limit_key.id, room);
    return;
  end if;
  select * into v_first from taskflow.lane n
   where n.blocked_on = limit_key.id and n.tenant = limit_key.tenant order by n.blocked_since limit 1;
  if found then
    select * into v_key from taskflow.limit_key k where k.tenant = limit_key.tenant and k.id = limit_key.id;
    v_opens_at := (taskflow.limit_room(v_key, rule, at_time)).opens_at;
    if v_opens_at is not null and (v_key.timer_at is null or v_key.timer_at <= at_time or v_opens_at < v_key.timer_at) then
      update taskflow.limit_key k set timer_at = v_opens_at where k.tenant = v_key.tenant and k.id = v_key.id;
      perform taskflow.ring(v_first, v_opens_at);
    end if;
  end if;
end
$$;
