-- Makes a queue's row, unless somebody else is about to: waiting for their commit here would let one
-- long transaction hold up every other enqueue of its tenant. Internal.
create or replace function taskflow.note_queue(tenant text, name text) returns void
language plpgsql volatile as $$
begin
  if pg_try_advisory_xact_lock(hashtext('taskflow.queue'), hashtext(tenant || '/' || name)) then
    insert into taskflow.queue (tenant, name) values (note_queue.tenant, note_queue.name)
    on conflict do nothing;
  end if;
end
$$;
