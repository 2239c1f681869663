-- Tells the endpoints of a tenant of one thing that happened, other than the end of a job or a run. A
-- tenant without endpoints: one look at a small table. Internal.
create or replace function taskflow.tell_event(
  tenant text, type text, data jsonb, queue text default null, but_not bigint default null
) returns void
language plpgsql volatile as $$
begin
  if exists (select from taskflow.webhook_endpoint e where e.tenant = tell_event.tenant and e.disabled_at is null) then
    perform taskflow.send_events(tenant, array[row(type, data, queue, null)::taskflow.event_draft], but_not => tell_event.but_not);
  end if;
end
$$;
