-- Refuses a lease outside 100 ms to 10 min: the reaper takes one of more than 20 min for a leap of
-- the clock. Raises TF112. Internal.
create or replace function taskflow.check_lease(lease interval) returns void
language plpgsql immutable parallel safe as $$
begin
  if lease is null or lease not between interval '100 milliseconds' and interval '10 minutes' then
    raise exception 'lease is %, it must be 100 ms to 10 min', coalesce(lease::text, 'NULL')
      using errcode = 'TF112', hint = 'Renew the lease to hold a job for longer.';
  end if;
end
$$;
