-- The live row of a job, locked. Raises TF120 when there never was one or it is pruned, TF121 when
-- the job has finished. Looks a second time: a retry moves a dead job back between two looks. Internal.
create or replace function taskflow.find_live(id bigint, tenant text) returns taskflow.job
language plpgsql volatile as $$
declare
  v_job taskflow.job;
  v_state text;
begin
  for look in 1 .. 2 loop
    select * into v_job from taskflow.job j
     where j.tenant = find_live.tenant and j.id = find_live.id for update;
    if found then
      return v_job;
    end if;
    v_state := taskflow.finished_state(find_live.id, find_live.tenant);
    exit when v_state is not null;
  end loop;
  if v_state is null then
    raise exception 'job % does not exist', find_live.id
      using errcode = 'TF120', hint = 'It was never committed, or its retention is over.';
  end if;
  raise exception 'job % has finished: %', find_live.id, v_state
    using errcode = 'TF121', hint = 'Only a waiting or running job can be changed; retry() runs a dead one again.';
end
$$;
