-- Refuses lines for flush_stats that are malformed, or two of one key. Raises TF111. Internal.
create or replace function taskflow.check_stats(lines jsonb) returns void
language plpgsql stable as $$
declare
  v_buckets integer := cardinality(taskflow.stat_bounds()) + 1;
  v_is_fine boolean := jsonb_typeof(lines) = 'array';
begin
  if v_is_fine then
    select count(*) = count(distinct (coalesce(l.tenant, 'default'), l.queue, l.task, l.outcome))
           and coalesce(bool_and(coalesce(
             taskflow.is_name(coalesce(l.tenant, 'default')) and taskflow.is_name(l.queue)
             and length(l.task) between 1 and 200 and taskflow.is_name(l.outcome)
             and l.count >= 0 and l.run_seconds >= 0 and l.wait_seconds >= 0
             and cardinality(l.run_buckets) = v_buckets and 0 <= all (l.run_buckets)
             and cardinality(l.wait_buckets) = v_buckets and 0 <= all (l.wait_buckets), false)), true)
      into v_is_fine
      from jsonb_to_recordset(lines) l (
        tenant text, queue text, task text, outcome text, count bigint, run_seconds double precision,
        wait_seconds double precision, run_buckets integer[], wait_buckets integer[]);
  end if;
  if v_is_fine is not true then
    raise exception 'lines must be a JSON array with one well-formed object for each tenant, queue, task and outcome'
      using errcode = 'TF111', hint = format('Both histograms have %s buckets: see taskflow.stat_bounds().', v_buckets);
  end if;
end
$$;
