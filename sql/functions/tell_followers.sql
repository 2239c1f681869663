-- Tells all that follow these jobs that they have ended, and how: succeeded, cancelled or dead. First the
-- runs that they are steps of, then the jobs that wait for them, last the batches that count them: every
-- transaction takes its locks in this order. What is cancelled by that has followers too, so it goes on
-- until nobody is left. Internal.
create or replace function taskflow.tell_followers(tenant text, ids bigint[], ended_as text) returns void
language plpgsql volatile as $$
declare
  v_told bigint[] := ids;
  v_as text := ended_as;
  v_cancelled bigint[];
begin
  perform taskflow.advance_runs(tenant, ids, ended_as);
  loop
    v_told := taskflow.release_dependants(tenant, v_told, v_as);
    exit when v_told is null;
    v_cancelled := v_cancelled || v_told;
    v_as := 'cancelled';
  end loop;
  perform taskflow.count_batches(tenant, ids, ended_as, v_cancelled);
end
$$;
