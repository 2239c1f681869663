-- Which schema this is: its revision, and of each function and view the hash of the text it was made from.
create or replace function taskflow.installed(out revision text, out hashes jsonb)
language sql stable security definer set search_path = taskflow, pg_temp as $$
  select (select v.version_num from taskflow.alembic_version v), coalesce(jsonb_object_agg(o.name, o.source_hash), '{}')
    from taskflow.sql_object o
$$;
