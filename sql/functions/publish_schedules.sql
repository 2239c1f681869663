-- Applies the schedules that an app declares in code, as a worker does when it starts: an array of
-- objects with the arguments of put_schedule. A declaration replaces the whole schedule, and only when
-- it is not the one that was applied last: what was edited meanwhile stays until the code changes.
-- `paused` counts for a new one. A schedule that no code declares any more stays; declared_at says when
-- it last was. In the order of names, so that workers starting together cannot deadlock.
-- Raises what put_schedule does, with the schedule's name; then nothing is applied.
create or replace function taskflow.publish_schedules(declarations jsonb, tenant text default null) returns void
language plpgsql volatile security definer set search_path = taskflow, pg_temp as $$
declare
  v_tenant text := taskflow.tenant_of(publish_schedules.tenant);
  v_item jsonb;
  v_old taskflow.schedule;
  v_s taskflow.schedule;
  v_code text;
  v_message text;
  v_hint text;
begin
  for v_item in
    select d.value from jsonb_array_elements(declarations) d order by d.value ->> 'name' collate "C"
  loop
    if exists (select from taskflow.schedule s where s.tenant = v_tenant and s.name = v_item ->> 'name'
                  and s.declaration_hash = md5(v_item::text)) then
      -- a row that somebody holds is passed over: the start of a worker must not wait for it
      update taskflow.schedule s set declared_at = taskflow.now()
       where (s.tenant, s.name) in (
         select o.tenant, o.name from taskflow.schedule o
          where o.tenant = v_tenant and o.name = v_item ->> 'name' for update skip locked);
      continue;
    end if;
    v_old := taskflow.open_schedule(v_item ->> 'name', v_tenant);
    continue when v_old.declaration_hash = md5(v_item::text);  -- another worker was faster
    v_s := v_old;
    v_s.task := null;
    v_s.args := '{}';
    v_s.time_zone := 'UTC';
    v_s.overlap := 'allow';
    v_s.catch_up := 'last';
    v_s := jsonb_populate_record(v_s, '{"queue": null, "priority": null, "max_attempts": null, "timeout": null,
      "tags": null, "meta": null, "jitter": null, "starts_at": null, "ends_at": null, "max_runs": null,
      "catch_up_span": null}');
    v_s.declared := true;
    v_s.declared_at := taskflow.now();
    v_s.declaration_hash := md5(v_item::text);
    v_s := taskflow.save_schedule(taskflow.schedule_from(v_s, v_item - '{name,paused}'::text[]), v_old);
    if v_old.created_at is null and (v_item ->> 'paused')::boolean then
      perform taskflow.pause_schedule(v_s.name, 'declared so', v_tenant);
    end if;
  end loop;
exception when others then
  get stacked diagnostics v_code = returned_sqlstate, v_message = message_text, v_hint = pg_exception_hint;
  raise exception 'schedule %: %', coalesce(quote_literal(left(v_item ->> 'name', 80)), 'NULL'), v_message
    using errcode = v_code, hint = v_hint;
end
$$;
