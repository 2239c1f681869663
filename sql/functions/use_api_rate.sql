-- Counts one request of a subject in its window of a minute. Internal.
create or replace function taskflow.use_api_rate(tenant text, subject text, at_time timestamptz, out used integer, out reset_s double precision)
language sql volatile as $$
  insert into taskflow.api_rate as r (tenant, subject, window_at, used)
  values (use_api_rate.tenant, use_api_rate.subject, at_time, 1)
  on conflict on constraint api_rate_pkey do update
    set used = case when r.window_at > at_time - interval '1 minute' then least(r.used, 1000000000) + 1 else 1 end,
        window_at = case when r.window_at > at_time - interval '1 minute' then r.window_at else at_time end
  returning r.used, extract(epoch from r.window_at + interval '1 minute' - at_time)::float8
$$;
