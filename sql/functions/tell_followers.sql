-- Tells all that follow these jobs that they have ended, and how: succeeded, cancelled or dead.
-- What is cancelled by that has followers too, so it goes on until nobody is left. Internal.
create or replace function taskflow.tell_followers(tenant text, ids bigint[], ended_as text) returns void
language plpgsql volatile as $$
begin
  while ids is not null loop
    ids := taskflow.release_dependants(tenant, ids, ended_as);
    ended_as := 'cancelled';
  end loop;
end
$$;
