-- A span of time for people: its largest unit and the one below it, as in "2h 5m"; what is below zero
-- counts as nothing. Internal.
create or replace function taskflow.span_text(span interval) returns text
language sql immutable parallel safe as $$
  select case when s < 60 then format('%ss', s)
              when s < 3600 then concat_ws(' ', s / 60 || 'm', nullif(s % 60, 0) || 's')
              when s < 86400 then concat_ws(' ', s / 3600 || 'h', nullif(s % 3600 / 60, 0) || 'm')
              else concat_ws(' ', s / 86400 || 'd', nullif(s % 86400 / 3600, 0) || 'h') end
    from (select greatest(floor(extract(epoch from span)), 0)::bigint as s) g
$$;
