-- Adds lines to the log of an attempt, as far as max_log_lines and max_log_bytes allow, and once, where
-- they end, a line that says so. `lines_before` and `bytes_before` are what the attempt has used up;
-- the first `skip` lines are there already. Answers the bytes of the rest, kept or not. Internal.
create or replace function taskflow.append_lines(
  tenant text, id bigint, claim_no bigint, attempt smallint, lines jsonb,
  lines_before integer, bytes_before bigint, skip integer
) returns bigint
language plpgsql volatile as $$
declare
  v_now timestamptz := taskflow.now();
  v_max_lines integer := taskflow.config('max_log_lines')::integer;
  v_max_bytes bigint := taskflow.config('max_log_bytes')::bigint;
  v_bytes bigint;
begin
  with given as (
    select g.place, g.line ->> 'level' as level, taskflow.plain_text(g.line ->> 'logger', 200) as logger,
           taskflow.plain_text(coalesce(g.line ->> 'message', g.line #>> '{}', ''), 8192) as message,
           -- how long ago, by the writer's clock: its time of day need not agree with ours
           case when jsonb_typeof(g.line -> 'age') = 'number'
                then least(greatest((g.line ->> 'age')::numeric, 0), 86400)::float8 else 0 end as age
      from jsonb_array_elements(append_lines.lines) with ordinality g (line, place)
     where g.place > append_lines.skip),
  sized as (
    select g.*, sum(octet_length(g.message)) over (order by g.place) as upto from given g),
  judged as (
    select s.*, lines_before + s.place - skip <= v_max_lines and bytes_before + s.upto <= v_max_bytes as fits
      from sized s),
  kept as (
    insert into taskflow.job_log (job_id, claim_no, logged_at, written_at, attempt, tenant, level, logger, message)
    select append_lines.id, append_lines.claim_no, v_now - make_interval(secs => j.age), v_now,
           append_lines.attempt, append_lines.tenant,
           case when not j.fits then 'cut'
                when j.level in ('debug', 'info', 'warning', 'error', 'critical', 'cut') then j.level
                else 'info' end,
           case when j.fits then j.logger end,
           case when j.fits then j.message
                else format('The log of this attempt ends here: %s lines or %s bytes are the most.', v_max_lines, v_max_bytes) end
      from judged j
     where j.fits
        or (lines_before <= v_max_lines and bytes_before <= v_max_bytes
            and j.place = (select min(k.place) from judged k where not k.fits))
     order by j.place)
  select coalesce(max(s.upto), 0) into v_bytes from sized s;
  return v_bytes;
end
$$;
