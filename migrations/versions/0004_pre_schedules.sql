-- Schedules, and the ledger of their ticks.
--
-- `next_at` is the tick to come: whoever moves it on, under the row's lock, writes the tick and its job
-- in the same transaction. It never goes back, so a pruned ledger cannot let a tick fire twice.

create table taskflow.schedule (
  tenant        text collate "C" not null default 'default',
  name          text collate "C" not null,
  task          text collate "C" not null,
  args          jsonb not null default '{}',
  queue         text collate "C",
  priority      smallint,
  max_attempts  integer,
  timeout       interval,
  tags          text[],
  meta          jsonb,
  kind          text collate "C" not null,
  cron          text,
  every         interval,
  at            timestamptz,
  time_zone     text collate "C" not null default 'UTC',
  jitter        interval,
  starts_at     timestamptz,
  ends_at       timestamptz,
  max_runs      integer,
  overlap       text collate "C" not null default 'allow',
  catch_up      text collate "C" not null default 'last',
  catch_up_span interval,
  anchor_at     timestamptz not null,
  paused_at     timestamptz,
  paused_by     text,
  pause_reason  text,
  next_at       timestamptz,
  queued_at     timestamptz,
  runs          bigint not null default 0,
  last_tick_at  timestamptz,
  last_job_id   bigint,
  forgotten_at  timestamptz,
  declared      boolean not null default false,
  declared_at   timestamptz,
  declaration_hash text,
  created_by    text collate "C" not null,
  created_at    timestamptz not null,
  updated_by    text collate "C" not null,
  updated_at    timestamptz not null,
  primary key (tenant, name)
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
comment on column taskflow.schedule.anchor_at is 'ticks of an interval are whole multiples of it from here';
comment on column taskflow.schedule.queued_at is 'a tick that waits for the end of last_job_id';
comment on column taskflow.schedule.last_tick_at is 'the newest tick that was dealt with';
comment on column taskflow.schedule.forgotten_at is 'ticks up to here have left the ledger';
comment on column taskflow.schedule.declaration_hash is 'of the declaration in code that was last applied';

create index schedule_due on taskflow.schedule (next_at) where paused_at is null;
create index schedule_queued on taskflow.schedule (queued_at) where queued_at is not null;

create table taskflow.schedule_tick (
  tenant        text collate "C" not null default 'default',
  schedule      text collate "C" not null,
  tick_at       timestamptz not null,
  until_at      timestamptz,
  status        text collate "C" not null,
  reason        text,
  job_id        bigint,
  fired_at      timestamptz not null,
  late_by       interval not null,
  primary key (tenant, schedule, tick_at)
);
comment on column taskflow.schedule_tick.until_at is 'one row for all ticks from tick_at to before this';
create index schedule_tick_fired on taskflow.schedule_tick (fired_at);

insert into taskflow.config (name, value, meaning) values
  ('schedule_grace',  '10 seconds', 'a tick that is fired later than this was missed'),
  ('max_catch_up',    '1000',       'most jobs that one schedule makes at a time, catching up or backfilled'),
  ('max_schedules',   '10000',      'most schedules of a tenant'),
  ('tick_retention',  '30 days',    'how long the ledger of ticks is kept');
