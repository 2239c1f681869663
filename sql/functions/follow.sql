-- Ties a new blocked job to those it waits for. Those that have ended already count at once: a parent
-- that succeeded is met, one that did not cancels the child, unless on_failure is 'continue'.
-- Locks: the parents that live, in the order of their ids, until this transaction ends: they cannot be
-- settled in between, so keep it short. Raises TF111, TF120. Internal.
create or replace function taskflow.follow(
  tenant text, child_id bigint, parent_ids bigint[], on_failure text
) returns void
language plpgsql volatile as $$
declare
  v_parents bigint[];
  v_parent bigint;
  v_ended record;
begin
  if coalesce(on_failure, 'cancel') not in ('cancel', 'continue') then
    raise exception 'on_parent_failure is %, it must be cancel or continue', quote_literal(left(on_failure, 40))
      using errcode = 'TF111', hint = 'With continue, the job runs however those before it ended.';
  elsif not taskflow.is_list(parent_ids) or cardinality(parent_ids) not between 1 and 10000
     or array_position(parent_ids, null) is not null then
    raise exception 'depends_on must be a plain list of 1 to 10000 ids' using errcode = 'TF111', hint = 'Leave it out for a job that waits for none.';
  end if;
  v_parents := array(select distinct p from unnest(parent_ids) p order by p);
  perform from taskflow.job j where j.tenant = follow.tenant and j.id = any (v_parents) order by j.id for no key update;
  update taskflow.job j set is_followed = true
   where j.tenant = follow.tenant and j.id = any (v_parents) and j.is_followed is null;
  insert into taskflow.dependency (tenant, parent_id, child_id, created_at, on_failure)
  select follow.tenant, p, follow.child_id, taskflow.now(), coalesce(follow.on_failure, 'cancel') from unnest(v_parents) p;
  update taskflow.job j set waits_for = cardinality(v_parents)
   where j.tenant = follow.tenant and j.id = follow.child_id and j.waits_for <> cardinality(v_parents);
  for v_ended in
    select array_agg(p) as ids, taskflow.finished_state(p, follow.tenant) as state from unnest(v_parents) p
     where not exists (select from taskflow.job j where j.tenant = follow.tenant and j.id = p)
     group by 2 order by 2 nulls first
  loop
    if v_ended.state is null then
      raise exception 'job %, which should run before, does not exist', v_ended.ids[1]
        using errcode = 'TF120', hint = 'It was never committed, or its retention is over.';
    end if;
    perform taskflow.release_dependants(follow.tenant, v_ended.ids, v_ended.state, follow.child_id);
  end loop;
end
$$;
