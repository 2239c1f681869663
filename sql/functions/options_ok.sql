-- Whether the options of a job are all within bounds: what job_template checks, as one expression
-- that is inlined into enqueue (bounded repetition in the patterns would cost twice as much). It may refuse what job_template accepts (then that one
-- decides), never the reverse. Internal.
create or replace function taskflow.options_ok(
  task text, queue text, run_at timestamptz, at_time timestamptz, max_attempts integer,
  timeout interval, deadline timestamptz
) returns boolean
language sql stable parallel safe as $$
  select length(task) between 1 and 200 and task !~ '[^A-Za-z0-9_.:-]'
     and length(queue) between 1 and 63 and queue !~ '[^a-z0-9_.-]'
     and max_attempts between 1 and 1000
     and run_at between at_time - interval '10 years' and at_time + interval '10 years'
     and (timeout is null or timeout between interval '1 millisecond' and interval '30 days')
     and (deadline is null or (deadline > run_at and deadline <= run_at + interval '10 years'))
$$;
