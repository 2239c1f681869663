-- The first instant after `after` at which a cron expression fires in a time zone; NULL when there is
-- none within nine years. Five fields, or six with the seconds first; names, ranges, steps, lists,
-- L (last day of the month), mon#2, friL, and @hourly, @daily, @weekly, @monthly, @yearly.
--
-- Days of month and of week that are both restricted (do not begin with *) are alternatives. A time of
-- day that the clocks leap over fires at the first instant after the gap; one that they show twice
-- fires the first time only. An expression whose minute or hour begins with * follows elapsed time
-- instead: it fires at each instant whose local time matches, so `0 * * * *` fires 25 times in a day of
-- 25 hours. Raises TF151, 22023 for an unknown time zone.
create or replace function taskflow.cron_next(expression text, after timestamptz, time_zone text default 'UTC')
returns timestamptz
language sql stable parallel safe security definer set search_path = taskflow, pg_temp as $$
  select taskflow.cron_after(taskflow.cron_fields(expression), after, time_zone)
$$;
