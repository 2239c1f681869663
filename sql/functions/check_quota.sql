-- Refuses jobs beyond the quota of their tenant. The live jobs are counted at most once a second, by whoever
-- comes first then: so a quota may be overrun by what is enqueued within that second. Its storage is what the
-- last upkeep found. Raises TF196. Internal.
create or replace function taskflow.check_quota(tenant text, adding integer) returns void
language plpgsql volatile as $$
#variable_conflict use_column
declare
  v_now timestamptz := taskflow.now();
  v_quota taskflow.tenant;
begin
  select t.* into v_quota from taskflow.tenant t
   where t.tenant = check_quota.tenant and num_nonnulls(t.max_live_jobs, t.max_storage_bytes) > 0;
  if not found then
    return;
  end if;
  if v_quota.max_live_jobs is not null and coalesce(v_quota.counted_at, '-infinity') < v_now - interval '1 second' then
    select count(*) into v_quota.live_jobs
      from (select from taskflow.job j where j.tenant = v_quota.tenant limit v_quota.max_live_jobs + 1) j;
    update taskflow.tenant t set live_jobs = v_quota.live_jobs, counted_at = v_now
     where t.ctid = (select k.ctid from taskflow.tenant k where k.tenant = v_quota.tenant for update skip locked);
  end if;
  if v_quota.live_jobs + adding > v_quota.max_live_jobs then
    raise exception 'tenant % may have % live jobs and has %', v_quota.tenant, v_quota.max_live_jobs, v_quota.live_jobs
      using errcode = 'TF196', hint = 'Wait until some have finished, or ask for a larger quota.';
  elsif v_quota.storage_bytes > v_quota.max_storage_bytes then
    raise exception 'tenant % may store % bytes and has about %', v_quota.tenant, v_quota.max_storage_bytes, v_quota.storage_bytes
      using errcode = 'TF196', hint = 'Finished jobs go after their retention; or ask for a larger quota.';
  end if;
end
$$;
