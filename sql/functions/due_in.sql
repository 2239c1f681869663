-- In how many seconds fire_schedules has something to do: less than 0 when it is late, NULL when no
-- schedule has a tick to come. A tick that waits for the end of a job is looked at each second.
create or replace function taskflow.due_in() returns double precision
language sql volatile security definer set search_path = taskflow, pg_temp as $$
  select least(
    (select extract(epoch from s.next_at - taskflow.now())::float8 from taskflow.schedule s
      where s.paused_at is null and s.next_at is not null order by s.next_at limit 1),
    (select 1::float8 from taskflow.schedule s where s.queued_at is not null and s.paused_at is null limit 1))
$$;
