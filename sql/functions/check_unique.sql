-- Checks how a unique key is meant and fills what is not given: it holds in its queue, as long as its
-- job lives, and a second job with it is not made. Raises TF111, TF112. Internal.
create or replace function taskflow.check_unique(
  unique_key text, unique_by text[], unique_scope text, unique_while text, unique_for interval,
  on_conflict text, replace text[]
) returns taskflow.unique_rule
language plpgsql immutable parallel safe as $$
declare
  v_rule taskflow.unique_rule;
  v_fields constant text[] := '{args,priority,run_at,max_attempts,timeout,deadline,tags,meta}';
begin
  if unique_key is null and unique_by is null then
    if coalesce(unique_scope, unique_while, unique_for::text, on_conflict, replace::text) is not null then
      raise exception 'options of a unique key are given, but no key'
        using errcode = 'TF111', hint = 'Give unique_key, or unique_by with the names of arguments.';
    end if;
    return null;
  elsif unique_key is not null and unique_by is not null then
    raise exception 'unique_key and unique_by are both given' using errcode = 'TF111', hint = 'Give one of them.';
  elsif octet_length(unique_key) not between 1 and 500 then
    raise exception 'unique_key has % bytes, it must have 1 to 500', octet_length(unique_key)
      using errcode = 'TF111', hint = 'Use a hash of a longer key.';
  elsif not taskflow.is_list(unique_by) or not taskflow.is_list(replace) then
    raise exception 'unique_by and replace must be plain lists'
      using errcode = 'TF111', hint = 'Give arrays of one dimension, counted from 1.';
  elsif cardinality(unique_by) not between 1 and 50 or array_position(unique_by, null) is not null then
    raise exception 'unique_by must name 1 to 50 arguments'
      using errcode = 'TF111', hint = 'Write {*} for all of them.';
  elsif unique_scope not in ('queue', 'task', 'tenant') then
    raise exception 'unique_scope is %, it must be queue, task or tenant', quote_literal(left(unique_scope, 40))
      using errcode = 'TF111', hint = 'Leave it out: a key holds in its queue, one of arguments for its task.';
  elsif unique_while not in ('live', 'waiting') then
    raise exception 'unique_while is %, it must be live or waiting', quote_literal(left(unique_while, 40))
      using errcode = 'TF111', hint = 'With waiting, a job that has begun to run no longer holds its key.';
  elsif unique_for not between interval '1 second' and interval '10 years' then
    raise exception 'unique_for is %, it must be 1 s to 10 years', unique_for
      using errcode = 'TF112', hint = 'Leave it out for a key that holds as long as its job lives.';
  elsif unique_for is not null and unique_while is not null then
    raise exception 'unique_while and unique_for are both given'
      using errcode = 'TF111', hint = 'A key holds by its job or for a time.';
  elsif on_conflict not in ('existing', 'raise', 'replace', 'merge') then
    raise exception 'on_conflict is %, it must be existing, raise, replace or merge', quote_literal(left(on_conflict, 40))
      using errcode = 'TF111', hint = 'Leave it out to get the job that holds the key.';
  elsif replace is not null and coalesce(on_conflict, '') not in ('replace', 'merge') then
    raise exception 'replace names fields, but on_conflict is not replace'
      using errcode = 'TF111', hint = 'Write on_conflict => ''replace''.';
  elsif not replace <@ v_fields then
    raise exception 'replace names %, it may name %', replace, v_fields
      using errcode = 'TF111', hint = 'Leave run_at out to keep the time of the job that waits.';
  end if;
  v_rule.fields := unique_by;
  v_rule.holds := coalesce(unique_while, 'live');
  v_rule.window_ := unique_for;
  v_rule.on_conflict := coalesce(on_conflict, 'existing');
  v_rule.replaces := coalesce(replace, case on_conflict when 'replace' then v_fields else '{}' end);
  return v_rule;
end
$$;
