-- Tells the endpoints of a tenant that these jobs and runs have ended, as history, the dead-letter queue
-- and the runs say. Deliveries are told to nobody; one whose job died without a last word has failed.
-- What is told of a job is never its arguments, its result, its error's message or its traceback. Internal.
create or replace function taskflow.tell_endpoints(tenant text, ids bigint[]) returns void
language plpgsql volatile
-- as in settle_many: each job is looked up by its key, of the partitions only in the ones just written to
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
  v_now timestamptz := taskflow.now();
  v_drafts taskflow.event_draft[];
  v_undelivered bigint[];
begin
  with ended as materialized (
    select h.id, h.task, h.queue, h.state::text, h.attempt, h.tags, h.created_at, h.started_at, h.finished_at, h.reason,
           null as error_class, h.args
      from unnest(ids) i (id)
     cross join lateral (
       select * from taskflow.job_history h
        where h.tenant = tell_endpoints.tenant and h.id = i.id
          and h.finished_at > v_now - interval '1 hour' and h.finished_at <= v_now + interval '1 minute'
        order by h.finished_at desc limit 1) h
     union all
    select d.id, d.task, d.queue, 'dead', d.attempt, d.tags, d.created_at, d.started_at, d.finished_at, d.reason,
           d.error_class, d.args
      from unnest(ids) i (id)
     cross join lateral (
       select * from taskflow.dead_job d where d.tenant = tell_endpoints.tenant and d.id = i.id offset 0) d),
  run as materialized (
    select r.id, r.name, r.state, r.created_at, r.finished_at
      from unnest(ids) i (id)
     cross join lateral (
       select * from taskflow.workflow_run r
        where r.tenant = tell_endpoints.tenant and r.id = i.id and r.finished_at is not null offset 0) r)
  select array_agg(d.draft), (
           select array_agg((e.args ->> 'delivery_id')::bigint) from ended e
            where e.task = 'taskflow.deliver' and e.state <> 'succeeded' and e.args ->> 'delivery_id' ~ '^\d{1,18}$')
    into v_drafts, v_undelivered
    from (
      select row('job.' || e.state, jsonb_build_object(
               'id', e.id::text, 'task', e.task, 'queue', e.queue, 'state', e.state, 'attempt', e.attempt,
               'tags', to_jsonb(coalesce(e.tags, '{}')), 'created_at', taskflow.tick_text(e.created_at),
               'started_at', taskflow.tick_text(e.started_at), 'finished_at', taskflow.tick_text(e.finished_at),
               'reason', e.reason, 'error_class', e.error_class), e.queue, e.task)::taskflow.event_draft as draft
        from ended e where e.task <> 'taskflow.deliver'
       union all
      select row('workflow.' || r.state, jsonb_build_object(
               'id', r.id::text, 'workflow', r.name, 'state', r.state, 'created_at', taskflow.tick_text(r.created_at),
               'finished_at', taskflow.tick_text(r.finished_at)), null, null)::taskflow.event_draft
        from run r) d;
  update taskflow.webhook_delivery d set state = 'failed', finished_at = v_now
   where d.tenant = tell_endpoints.tenant and d.id = any (v_undelivered) and d.job_id = any (ids) and d.state = 'pending';
  if v_drafts is not null then
    perform taskflow.send_events(tenant, v_drafts);
  end if;
end
$$;
