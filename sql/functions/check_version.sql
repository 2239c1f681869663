-- Refuses a change of something that has changed since the caller saw it. Raises TF193. Internal.
create or replace function taskflow.check_version(current integer, expected integer) returns void
language plpgsql immutable as $$
begin
  if expected is not null and current <> expected then
    raise exception 'it has changed since: its version is % now', current
      using errcode = 'TF193', hint = 'Read it again and send its new ETag in If-Match.';
  end if;
end
$$;
