-- Why a run is where it is, and what each of its open steps waits for: the first row is the answer. With
-- the name of a node, for that step alone. At most 20 steps of a kind are named.
create or replace function taskflow.explain_run(id bigint, node text default null, tenant text default null)
returns table (cause text, sentence text, detail jsonb)
language plpgsql stable security definer set search_path = taskflow, pg_temp as $$
#variable_conflict use_column
declare
  v_now timestamptz := taskflow.now();
  v_run record;
  v_pending bigint;
  v_no integer;
begin
  select v.* into v_run from taskflow.get_run(explain_run.id, explain_run.tenant) v;
  if not found then
    return query select 'not_found', format('Run %s is not known: it was never committed, or its retention is over.', explain_run.id), null::jsonb;
    return;
  end if;
  if explain_run.node is null then
    return query select case when v_run.ending is not null and v_run.finished_at is null then 'stopping' else v_run.state end,
      format('Run %s%s %s%s.', v_run.id, coalesce(' of ' || v_run.workflow, ''),
        case when v_run.finished_at is not null then v_run.state || ' at ' || to_char(v_run.finished_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS"Z"')
             when v_run.state = 'compensating' then 'is undoing what it did'
             when v_run.ending is not null then 'is stopping and waits for the end of what still runs'
             else format('goes on: %s of %s steps have ended', v_run.succeeded + v_run.skipped + v_run.failed + v_run.cancelled, v_run.total) end,
        coalesce(': ' || v_run.reason, '')),
      jsonb_build_object('succeeded', v_run.succeeded, 'skipped', v_run.skipped, 'failed', v_run.failed, 'cancelled', v_run.cancelled, 'total', v_run.total);
  end if;
  select n.no into v_no from taskflow.workflow_node n
   where n.tenant = v_run.tenant and n.workflow_id = v_run.workflow_id and n.name = explain_run.node;
  return query
    with shown as materialized (
      select v.* from taskflow.step_view v
       where v.tenant = v_run.tenant and v.run_id = v_run.id
         and (v.no = v_no
              or (explain_run.node is null and v.state not in ('pending', 'succeeded', 'skipped', 'cancelled', 'compensated')))
       order by v.no, v.place limit 20)
    select case when s.state = 'waiting' then 'waiting_for_' || s.kind when s.state = 'pending' then 'waiting_for_steps' else 'step_' || s.state end,
           format('Step %s%s %s.', s.node, case when s.item_no >= 0 then '[' || s.item_no || ']' else '' end,
             case when s.state = 'waiting' and s.kind = 'signal' then format('waits for the signal "%s"%s', s.target, coalesce(', for ' || date_trunc('second', s.due_at - v_now) || ' more', ''))
                  when s.state = 'waiting' then format('is due in %s', date_trunc('second', s.due_at - v_now))
                  when s.state = 'pending' then coalesce('waits for ' || b.names, 'waits for room: only so many of its items run at once')
                  when s.job_id is not null then format('is job %s, %s', s.job_id, s.state) || coalesce(': ' || s.error, '')
                  when s.child_id is not null then format('is run %s, %s', s.child_id, s.state) || coalesce(': ' || s.error, '')
                  else s.state || coalesce(': ' || s.error, '') end),
           jsonb_strip_nulls(jsonb_build_object('step', s.node, 'job_id', s.job_id::text, 'run_id', s.child_id::text, 'due_at', s.due_at))
      from shown s
      left join lateral (
        select string_agg(format('%s (%s)', v.node, v.state), ', ' order by o.no) as names
          from (select u.no
                  from taskflow.workflow_node n
                 cross join unnest(n.needs) u (no)
                 cross join lateral (
                   select w.state from taskflow.workflow_step w
                    where w.tenant = v_run.tenant and w.run_id = v_run.id and w.node = u.no and w.place = -1 offset 0) w
                 where n.tenant = v_run.tenant and n.workflow_id = v_run.workflow_id and n.no = s.no
                   and w.state not in ('succeeded', 'skipped') order by u.no limit 10) o
         cross join lateral (
           select v.node, v.state from taskflow.step_view v
            where v.tenant = v_run.tenant and v.run_id = v_run.id and v.no = o.no and v.place = -1 offset 0) v) b on s.state = 'pending' and s.place = -1
     order by s.no, s.place;
  if explain_run.node is not null and not found then
    return query select 'not_found', format('Run %s has no step "%s".', explain_run.id, left(explain_run.node, 100)), null::jsonb;
  elsif explain_run.node is null then
    select count(*) into v_pending from taskflow.workflow_step s where s.tenant = v_run.tenant and s.run_id = v_run.id and s.state = 'pending';
    if v_pending > 0 then
      return query select 'waiting_for_steps', format('%s more steps wait for those before them.', v_pending), jsonb_build_object('pending', v_pending);
    end if;
  end if;
end
$$;
