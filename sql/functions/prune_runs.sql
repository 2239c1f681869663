-- Removes ended runs and batches past their retention, a thousand of each at a call, with all that hangs
-- on them. Named definitions stay. Answers how many runs and batches it removed. Internal.
create or replace function taskflow.prune_runs(until timestamptz) returns integer
language plpgsql volatile as $$
declare
  v_tenant text;
  v_ids bigint[];
  v_count integer := 0;
begin
  for v_tenant, v_ids in
    select o.tenant, array_agg(o.id)
      from (select r.tenant, r.id from taskflow.workflow_run r
             where r.finished_at < prune_runs.until and r.parent_id is null
             order by r.finished_at limit 1000 for update skip locked) o
     group by o.tenant
  loop
    v_count := v_count + cardinality(v_ids);
    v_ids := v_ids || array(select r.id from taskflow.workflow_run r
                             where r.tenant = v_tenant and r.root_id = any (v_ids) and r.parent_id is not null);
    delete from taskflow.workflow_step s where s.tenant = v_tenant and s.run_id = any (v_ids);
    delete from taskflow.workflow_signal s where s.tenant = v_tenant and s.run_id = any (v_ids);
    with gone as (
      delete from taskflow.workflow_run r where r.tenant = v_tenant and r.id = any (v_ids) returning r.workflow_id),
    unnamed as (
      delete from taskflow.workflow w
       where w.tenant = v_tenant and w.name is null and w.id in (select g.workflow_id from gone g) returning w.id)
    delete from taskflow.workflow_node n where n.tenant = v_tenant and n.workflow_id in (select u.id from unnamed u);
  end loop;
  for v_tenant, v_ids in
    select o.tenant, array_agg(o.id)
      from (select b.tenant, b.id from taskflow.batch b
             where b.finished_at < prune_runs.until order by b.finished_at limit 1000 for update skip locked) o
     group by o.tenant
  loop
    v_count := v_count + cardinality(v_ids);
    delete from taskflow.batch_job m where m.tenant = v_tenant and m.batch_id = any (v_ids);
    delete from taskflow.batch b where b.tenant = v_tenant and b.id = any (v_ids);
  end loop;
  return v_count;
end
$$;
