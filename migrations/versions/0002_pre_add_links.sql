-- Unique keys that hold for a time, whatever becomes of their job. Those that hold as long as the job
-- lives are in the job's own row.
create table taskflow.unique_window (
  tenant       text collate "C" not null default 'default',
  scope        text collate "C" not null,
  key          text collate "C" not null,
  job_id       bigint not null,
  expires_at   timestamptz not null,
  primary key (tenant, scope, key)
);
create index unique_window_expires on taskflow.unique_window (expires_at);

-- One row for each job that another waits for; `ended_as` says how it ended, and NULL that it has not.
create table taskflow.dependency (
  parent_id    bigint not null,
  child_id     bigint not null,
  created_at   timestamptz not null,
  tenant       text collate "C" not null default 'default',
  on_failure   text collate "C" not null,
  ended_as     text collate "C",
  primary key (tenant, parent_id, child_id)
);
create index dependency_child on taskflow.dependency (tenant, child_id);
create index dependency_created on taskflow.dependency (created_at);

-- How a unique key is meant: over which jobs it holds and until when, and what a second one does.
create type taskflow.unique_rule as (
  fields       text[],
  holds        text,
  window_      interval,
  on_conflict  text,
  replaces     text[]
);
