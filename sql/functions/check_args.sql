-- Says what is wrong with arguments that args_ok refuses. Raises TF113, TF114, TF115, TF116.
create or replace function taskflow.check_args(args jsonb, max_bytes integer) returns void
language plpgsql stable parallel safe as $$
begin
  if taskflow.args_ok(args, max_bytes) then
    return;
  end if;
  if args is null or jsonb_typeof(args) <> 'object' then
    raise exception 'arguments must be a JSON object of named arguments, got %',
        coalesce(jsonb_typeof(args), 'NULL')
      using errcode = 'TF113', hint = 'Write {"name": value}, also for a task with one argument.';
  elsif octet_length(args::text) > max_bytes then
    raise exception 'arguments take % bytes, the limit is %', octet_length(args::text), max_bytes
      using errcode = 'TF114',
            hint = 'Store the data elsewhere and pass its key, or raise max_args_bytes in taskflow.config.';
  elsif jsonb_path_exists(args, 'strict $.**{65}') then
    raise exception 'arguments are nested deeper than 64 levels'
      using errcode = 'TF115', hint = 'Flatten them, or pass a key to data stored elsewhere.';
  else
    raise exception 'arguments hold a number beyond 1e300'
      using errcode = 'TF116', hint = 'Pass it as a string.';
  end if;
end
$$;
