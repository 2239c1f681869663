-- What becomes of a new job whose unique key is taken: answers the holder's id and what was done
-- (existing, replaced, merged), or nothing when the key is free. A running holder cannot be changed:
-- for a replace or a merge, or where keys hold while waiting only, it gives up its key.
-- Locks: the holder, where it may be changed; else it is kept from being claimed until this
-- transaction ends, so that it cannot begin before the caller's changes are there to see.
-- Raises TF123 for on_conflict 'raise', 42501 where the holder to change is in a queue that the call is not
-- bound to. Internal.
create or replace function taskflow.meet_holder(
  new_job taskflow.job, rule taskflow.unique_rule, out id bigint, out outcome text
)
language plpgsql volatile as $$
declare
  v_now timestamptz := taskflow.now();
  v_scope text := coalesce(new_job.unique_scope, new_job.queue);
  v_holder taskflow.job;
  v_is_changing boolean := rule.on_conflict in ('replace', 'merge');
begin
  if rule.window_ is not null then
    select w.job_id into id from taskflow.unique_window w
     where w.tenant = new_job.tenant and w.scope = v_scope and w.key = new_job.unique_key
       and w.expires_at > v_now;
    if not found then
      return;
    end if;
    select * into v_holder from taskflow.job j
     where j.tenant = new_job.tenant and j.id = meet_holder.id and v_is_changing for update;
    v_is_changing := found and v_holder.state <> 'running';
  else
    if v_is_changing then
      select * into v_holder from taskflow.job j
       where j.tenant = new_job.tenant and coalesce(j.unique_scope, j.queue) = v_scope
         and j.unique_key = new_job.unique_key for update;
    elsif rule.holds = 'waiting' then
      select * into v_holder from taskflow.job j
       where j.tenant = new_job.tenant and coalesce(j.unique_scope, j.queue) = v_scope
         and j.unique_key = new_job.unique_key for key share;
    else
      select * into v_holder from taskflow.job j
       where j.tenant = new_job.tenant and coalesce(j.unique_scope, j.queue) = v_scope
         and j.unique_key = new_job.unique_key;
    end if;
    if not found then
      return;
    end if;
    if v_holder.state = 'running' and (v_is_changing or rule.holds = 'waiting') then
      perform taskflow.check_bound(v_holder.queue);
      update taskflow.job j set unique_key = null where j.tenant = v_holder.tenant and j.id = v_holder.id;
      return;
    end if;
    id := v_holder.id;
  end if;
  if rule.on_conflict = 'raise' then
    raise exception 'job % holds the unique key %', id, quote_literal(left(new_job.unique_key, 80))
      using errcode = 'TF123', hint = 'Wait for its end, cancel it, or leave on_conflict out to get it.';
  elsif v_is_changing then
    perform taskflow.check_bound(v_holder.queue);
    perform taskflow.change_job(v_holder, new_job, rule);
    outcome := case rule.on_conflict when 'merge' then 'merged' else 'replaced' end;
  else
    outcome := 'existing';
  end if;
end
$$;
