-- What a run leaves behind besides its end: progress, log lines, durable steps, large results.
--
-- None of it is in the job's row: that one is rewritten by claim, renew and settle only, and a job
-- that records nothing has no row in any of these tables.

-- One row per job that has recorded anything: its progress, how much of the log its last attempt
-- has used up, and when upkeep should look whether the job still needs its rows here and in
-- job_step. A report changes no indexed column, so that it is a HOT update.
create table taskflow.job_progress (
  job_id       bigint not null,
  claim_no     bigint not null,
  done         double precision,
  total        double precision,
  updated_at   timestamptz,
  look_at      timestamptz not null,
  lines        integer not null default 0,
  bytes        bigint not null default 0,
  tenant       text collate "C" not null default 'default',
  note         text,
  primary key (tenant, job_id)
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000,
        autovacuum_vacuum_cost_delay = 0);
create index job_progress_look on taskflow.job_progress (look_at);

-- A sequence of its own: an identity on a partitioned table is inherited from PostgreSQL 17 on only.
create sequence taskflow.job_log_seq;
create table taskflow.job_log (
  seq          bigint not null default nextval('taskflow.job_log_seq'),
  job_id       bigint not null,
  claim_no     bigint not null,
  logged_at    timestamptz not null,
  written_at   timestamptz not null,
  attempt      smallint not null,
  tenant       text collate "C" not null default 'default',
  level        text collate "C" not null,
  logger       text,
  message      text not null
) partition by range (written_at);
create index job_log_job on taskflow.job_log (tenant, job_id, seq);
create table taskflow.job_log_default partition of taskflow.job_log default;

create table taskflow.job_step (
  job_id       bigint not null,
  claim_no     bigint not null,
  saved_at     timestamptz not null,
  tenant       text collate "C" not null default 'default',
  name         text collate "C" not null,
  result       jsonb,
  primary key (tenant, job_id, name)
);

-- Results too large for history, in pieces. A piece is written before its job is settled, so the
-- first one says when upkeep should look whether that settle came, and when its job's history is over.
-- Not partitioned by day as history is: it would have to be locked in one order with history, by
-- settles that store their result in the same transaction and by upkeep alike.
create table taskflow.result_chunk (
  job_id       bigint not null,
  claim_no     bigint not null,
  look_at      timestamptz,
  place        integer not null,
  tenant       text collate "C" not null default 'default',
  bytes        bytea not null,
  primary key (tenant, job_id, claim_no, place)
);
create index result_chunk_look on taskflow.result_chunk (look_at) where look_at is not null;

insert into taskflow.config (name, value, meaning) values
  ('max_log_lines',  '1000',    'most log lines of one attempt'),
  ('max_log_bytes',  '262144',  'most log text of one attempt, in bytes'),
  ('max_steps',      '1000',    'most durable steps of one job'),
  ('log_retention',  '14 days', 'how long log lines are kept; whole days');
