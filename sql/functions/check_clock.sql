-- Refuses a moved clock from anybody but the schema's owner: with it, a worker's role could expire
-- every lease and drop all history. Internal.
create or replace function taskflow.check_clock() returns void
language plpgsql stable as $$
begin
  if coalesce(current_setting('taskflow.clock_offset', true), '') <> ''
     and not pg_has_role(session_user, (select n.nspowner from pg_namespace n where n.nspname = 'taskflow'), 'member') then
    raise exception 'taskflow.clock_offset is for tests, and for the owner of the schema'
      using errcode = '42501', hint = 'Reset it: reset taskflow.clock_offset.';
  end if;
end
$$;
