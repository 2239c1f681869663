-- Refuses a limit that limits nothing or cannot be kept. Raises TF111, TF112. Internal.
create or replace function taskflow.check_limit(
  key text, concurrency integer, ordered boolean, rate integer, per interval, burst integer,
  breaker_failures integer, breaker_window interval, breaker_cooldown interval
) returns void
language plpgsql immutable parallel safe as $$
begin
  if coalesce(concurrency, rate, breaker_failures) is null and not coalesce(ordered, false) then
    raise exception 'the limit limits nothing'
      using errcode = 'TF111', hint = 'Give concurrency, ordered, rate and per, or breaker_failures.';
  elsif concurrency not between 1 and 100000 then
    raise exception 'concurrency is %, it must be 1 to 100000', concurrency
      using errcode = 'TF111', hint = 'Pause the queue to let nothing run.';
  elsif ordered and concurrency <> 1 then
    raise exception 'ordered means a concurrency of 1, not %', concurrency using errcode = 'TF111', hint = 'Leave concurrency out.';
  elsif (rate is null) <> (per is null) then
    raise exception 'rate and per go together' using errcode = 'TF111', hint = 'Write rate => 14, per => ''1 second''.';
  elsif rate not between 1 and 100000 or burst not between 1 and 100000 then
    raise exception 'rate and burst must be 1 to 100000' using errcode = 'TF111', hint = 'A higher rate is none.';
  elsif per not between interval '1 millisecond' and interval '31 days' then
    raise exception 'per is %, it must be 1 ms to 31 days', per using errcode = 'TF112', hint = 'Split longer periods.';
  elsif burst is not null and rate is null then
    raise exception 'burst needs rate and per' using errcode = 'TF111', hint = 'A bucket is filled at the rate.';
  elsif breaker_failures not between 1 and 10000 then
    raise exception 'breaker_failures is %, it must be 1 to 10000', breaker_failures
      using errcode = 'TF111', hint = 'Leave it out for a limit without a breaker.';
  elsif breaker_window not between interval '1 millisecond' and interval '31 days'
     or breaker_cooldown not between interval '1 millisecond' and interval '31 days' then
    raise exception 'breaker_window and breaker_cooldown must be 1 ms to 31 days'
      using errcode = 'TF112', hint = 'The defaults are 1 minute and 30 seconds.';
  elsif octet_length(key) > 200 or key ~ '[[:cntrl:]]' or regexp_replace(key, '\{[^{}]+\}', '', 'g') ~ '[{}]' then
    raise exception 'key % is not a template', quote_literal(left(key, 80))
      using errcode = 'TF111', hint = 'Write ''tenant:{tenant_id}'', at most 200 bytes.';
  end if;
end
$$;
