-- Removes tokens, answers, rates and audit rows past their time. Part of the upkeep. Internal.
create or replace function taskflow.prune_access(at_time timestamptz) returns void
language plpgsql volatile as $$
begin
  with old as materialized (
    select t.ctid as place from taskflow.api_token t where t.expires_at < at_time - interval '1 day' limit 10000 for update skip locked)
  delete from taskflow.api_token t using old o where t.ctid = o.place;
  with old as materialized (
    select i.ctid as place from taskflow.idempotency i
     where i.created_at < at_time - taskflow.config('idempotency_retention')::interval limit 10000 for update skip locked)
  delete from taskflow.idempotency i using old o where i.ctid = o.place;
  with old as materialized (
    select a.ctid as place from taskflow.audit a
     where a.at < at_time - taskflow.config('audit_retention')::interval limit 10000 for update skip locked)
  delete from taskflow.audit a using old o where a.ctid = o.place;
  with old as materialized (
    select r.ctid as place from taskflow.api_rate r where r.window_at < at_time - interval '1 hour' limit 10000 for update skip locked)
  delete from taskflow.api_rate r using old o where r.ctid = o.place;
end
$$;
