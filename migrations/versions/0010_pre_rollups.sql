-- How attempts ended, how long they ran and how long they had waited, added up over 10 seconds, a
-- minute and an hour: workers write, once a second, and people read. The histograms' bounds are
-- taskflow.stat_bounds(); the last bucket has none. Of a row's `count`, those that never began are in no
-- bucket.
create table taskflow.stat_10s (
  at           timestamptz not null,
  count        bigint not null,
  run_seconds  double precision not null,
  wait_seconds double precision not null,
  tenant       text collate "C" not null default 'default',
  queue        text collate "C" not null,
  task         text collate "C" not null,
  outcome      text collate "C" not null,
  run_buckets  integer[] not null,
  wait_buckets integer[] not null,
  primary key (tenant, at, queue, task, outcome)
) partition by range (at);
create table taskflow.stat_10s_default partition of taskflow.stat_10s default;

create table taskflow.stat_1m (
  at           timestamptz not null,
  count        bigint not null,
  run_seconds  double precision not null,
  wait_seconds double precision not null,
  tenant       text collate "C" not null default 'default',
  queue        text collate "C" not null,
  task         text collate "C" not null,
  outcome      text collate "C" not null,
  run_buckets  integer[] not null,
  wait_buckets integer[] not null,
  primary key (tenant, at, queue, task, outcome)
) partition by range (at);
create table taskflow.stat_1m_default partition of taskflow.stat_1m default;

create table taskflow.stat_1h (
  at           timestamptz not null,
  count        bigint not null,
  run_seconds  double precision not null,
  wait_seconds double precision not null,
  tenant       text collate "C" not null default 'default',
  queue        text collate "C" not null,
  task         text collate "C" not null,
  outcome      text collate "C" not null,
  run_buckets  integer[] not null,
  wait_buckets integer[] not null,
  primary key (tenant, at, queue, task, outcome)
) partition by range (at);
create table taskflow.stat_1h_default partition of taskflow.stat_1h default;

-- The last flush of each worker: one that is sent again, because its answer was lost, adds nothing.
create table taskflow.stat_flush (
  worker_id    bigint not null,
  flush_no     bigint not null,
  flushed_at   timestamptz not null,
  tenant       text collate "C" not null default 'default',
  primary key (tenant, worker_id)
) with (fillfactor = 50);

insert into taskflow.config (name, value, meaning) values
  ('stat_10s_retention', '1 day',    'how long statistics of 10 seconds are kept; whole days'),
  ('stat_1m_retention',  '7 days',   'how long statistics of a minute are kept; whole days'),
  ('stat_1h_retention',  '400 days', 'how long statistics of an hour are kept; whole weeks');
