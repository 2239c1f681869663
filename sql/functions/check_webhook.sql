-- Checks an endpoint before it is stored. Whether its address may be called is asked at each call, by the
-- worker: only then is known where it leads. Raises TF110, TF111. Internal.
create or replace function taskflow.check_webhook(endpoint taskflow.webhook_endpoint) returns void
language plpgsql volatile as $$
declare
  v_type text;
  v_known text[] := taskflow.webhook_types();
begin
  perform taskflow.check_name('tenant', endpoint.tenant), taskflow.check_name('queue', endpoint.queue), taskflow.check_headers(endpoint.headers);
  if endpoint.url is null or endpoint.url !~ '^https?://[A-Za-z0-9._:\[\]-]+([/?][\x21-\x7e]*)?$' or endpoint.url ~ '[#\\]' or length(endpoint.url) > 2000 then
    raise exception 'url % is not valid', coalesce(quote_literal(left(endpoint.url, 200)), 'NULL')
      using errcode = 'TF111', hint = 'Write https://host/path in plain ASCII, without user, password or fragment.';
  end if;
  if not (taskflow.is_list(endpoint.types) and taskflow.is_list(endpoint.queues) and taskflow.is_list(endpoint.tasks))
     or greatest(cardinality(endpoint.types), cardinality(endpoint.queues), cardinality(endpoint.tasks)) > 100 then
    raise exception 'types, queues and tasks must be plain lists of at most 100 names'
      using errcode = 'TF111', hint = 'Give arrays of one dimension, counted from 1.';
  end if;
  foreach v_type in array endpoint.types loop
    if v_type is null or not (v_type = '*' or v_type = any (v_known) or exists (
         select from unnest(v_known) k where split_part(k, '.', 1) || '.*' = v_type)) then
      raise exception 'event type % is not known', coalesce(quote_literal(left(v_type, 80)), 'NULL')
        using errcode = 'TF111', hint = format('Use * for all, job.* for a group, or %s.', array_to_string(v_known, ', '));
    end if;
  end loop;
  perform taskflow.check_name('queue', q) from unnest(endpoint.queues) q;
  if exists (select from unnest(endpoint.tasks) t where t is null or t !~ '^[A-Za-z0-9_.:-]{1,200}$') then
    raise exception 'tasks holds a name that no task can have' using errcode = 'TF110', hint = 'Use 1 to 200 of A-Z a-z 0-9 _ . : -';
  end if;
end
$$;
