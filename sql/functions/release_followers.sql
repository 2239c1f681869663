-- Counts for every step that waits for these how many of those before it are left, and lets go those with
-- none: one statement, so that of any number of parents that end together each is counted once. Where
-- all before it were skipped, it is skipped too. Answers what ended at once. Internal.
create or replace function taskflow.release_followers(tenant text, ended taskflow.step_end[]) returns taskflow.step_end[]
language plpgsql volatile as $$
declare
  v_go taskflow.step_ref[];
  v_ends taskflow.step_end[];
begin
  with counted as (
    select e.run_id, f.no as node, count(*) as count, bool_or(e.state <> 'skipped') as is_live
      from unnest(ended) e
     cross join lateral (
       select r.workflow_id from taskflow.workflow_run r where r.tenant = release_followers.tenant and r.id = e.run_id offset 0) r
     cross join lateral (
       select n.fate, n.followers from taskflow.workflow_node n
        where n.tenant = release_followers.tenant and n.workflow_id = r.workflow_id and n.no = e.node offset 0) n
     cross join unnest(n.followers) f (no)
     where e.place = -1 and (e.state in ('succeeded', 'skipped') or n.fate = 'continue')
     group by e.run_id, f.no),
  found as materialized (
    select s.at, c.count, c.is_live
      from counted c
     cross join lateral (
       select s.ctid as at from taskflow.workflow_step s
        where s.tenant = release_followers.tenant and s.run_id = c.run_id and s.node = c.node and s.place = -1 offset 0) s),
  left_ as (
    update taskflow.workflow_step s set remaining = s.remaining - f.count, is_live = s.is_live or f.is_live
      from found f where s.ctid = f.at
    returning s.run_id, s.node, s.remaining, s.is_live, s.state)
  select array_agg(row(l.run_id, l.node, -1)::taskflow.step_ref order by l.run_id, l.node) filter (where l.is_live),
         array_agg(row(l.run_id, l.node, -1, 'skipped', null, null)::taskflow.step_end) filter (where not l.is_live)
    into v_go, v_ends
    from left_ l
   cross join lateral (
     select r.ending from taskflow.workflow_run r where r.tenant = release_followers.tenant and r.id = l.run_id offset 0) r
   where l.remaining = 0 and l.state = 'pending' and r.ending is null;
  if v_go is not null then
    v_ends := v_ends || taskflow.release_steps(tenant, v_go);
  end if;
  return v_ends;
end
$$;
