-- The schema as PostgreSQL 18 dumps it from a fresh database, functions by their rights only.
-- Written by `make schema`; do not edit.

CREATE SCHEMA taskflow;

CREATE TYPE taskflow.event_draft AS (
	type text,
	data jsonb,
	queue text,
	task text
);

CREATE TYPE taskflow.job_state AS ENUM (
    'blocked',
    'ready',
    'running',
    'succeeded',
    'cancelled',
    'dead'
);

CREATE TYPE taskflow.step_end AS (
	run_id bigint,
	node integer,
	place integer,
	state text,
	result jsonb,
	error text
);

CREATE TYPE taskflow.step_job AS (
	run_id bigint,
	node integer,
	place integer,
	args jsonb
);

CREATE TYPE taskflow.step_ref AS (
	run_id bigint,
	node integer,
	place integer
);

CREATE TYPE taskflow.unique_rule AS (
	fields text[],
	holds text,
	window_ interval,
	on_conflict text,
	replaces text[]
);

CREATE TABLE taskflow.lane (
    id bigint NOT NULL,
    tenant text DEFAULT 'default'::text NOT NULL COLLATE pg_catalog."C",
    queue text NOT NULL COLLATE pg_catalog."C",
    key_ids bigint[] NOT NULL,
    blocked_on bigint,
    blocked_since timestamp with time zone,
    created_at timestamp with time zone NOT NULL
)
WITH (fillfactor='70');

CREATE TABLE taskflow.limit_key (
    id bigint NOT NULL,
    tenant text DEFAULT 'default'::text NOT NULL COLLATE pg_catalog."C",
    limit_name text NOT NULL COLLATE pg_catalog."C",
    key text NOT NULL COLLATE pg_catalog."C",
    tokens double precision,
    refilled_at timestamp with time zone,
    held_until timestamp with time zone,
    failures integer DEFAULT 0 NOT NULL,
    failures_since timestamp with time zone,
    opened_at timestamp with time zone,
    open_until timestamp with time zone,
    timer_at timestamp with time zone
)
WITH (fillfactor='70');

CREATE TABLE taskflow.job (
    id bigint NOT NULL,
    run_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone NOT NULL,
    claim_no bigint DEFAULT 0 NOT NULL,
    lease_until timestamp with time zone,
    started_at timestamp with time zone,
    worker_id bigint,
    state taskflow.job_state DEFAULT 'ready'::taskflow.job_state NOT NULL,
    attempt smallint DEFAULT 0 NOT NULL,
    lost smallint DEFAULT 0 NOT NULL,
    max_attempts smallint NOT NULL,
    priority smallint NOT NULL,
    deadline timestamp with time zone,
    timeout interval,
    cancel_requested boolean DEFAULT false NOT NULL,
    cancel_reason text,
    tenant text DEFAULT 'default'::text NOT NULL COLLATE pg_catalog."C",
    queue text NOT NULL COLLATE pg_catalog."C",
    task text NOT NULL COLLATE pg_catalog."C",
    created_by text NOT NULL COLLATE pg_catalog."C",
    unique_key text COLLATE pg_catalog."C",
    tags text[],
    args jsonb NOT NULL,
    meta jsonb,
    unique_scope text COLLATE pg_catalog."C",
    lane_id bigint,
    waits_for integer,
    is_followed boolean,
    args_version smallint
)
WITH (fillfactor='50', autovacuum_vacuum_scale_factor='0.01', autovacuum_vacuum_threshold='5000', autovacuum_analyze_scale_factor='0.02', autovacuum_analyze_threshold='5000', autovacuum_vacuum_insert_scale_factor='0.2', autovacuum_vacuum_cost_delay='0');

CREATE TABLE taskflow.workflow_node (
    workflow_id bigint NOT NULL,
    no integer NOT NULL,
    max_parallel integer,
    version integer,
    is_read boolean DEFAULT false NOT NULL,
    has_paths boolean DEFAULT false NOT NULL,
    tenant text DEFAULT 'default'::text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    kind text NOT NULL COLLATE pg_catalog."C",
    target text COLLATE pg_catalog."C",
    fate text NOT NULL COLLATE pg_catalog."C",
    pause interval,
    needs integer[] DEFAULT '{}'::integer[] NOT NULL,
    followers integer[] DEFAULT '{}'::integer[] NOT NULL,
    reads integer[] DEFAULT '{}'::integer[] NOT NULL,
    early_reads integer[] DEFAULT '{}'::integer[] NOT NULL,
    undo_reads integer[] DEFAULT '{}'::integer[] NOT NULL,
    condition jsonpath,
    items jsonpath,
    args jsonb,
    options jsonb,
    undo jsonb
);

CREATE TABLE taskflow.schedule (
    tenant text DEFAULT 'default'::text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    task text NOT NULL COLLATE pg_catalog."C",
    args jsonb DEFAULT '{}'::jsonb NOT NULL,
    queue text COLLATE pg_catalog."C",
    priority smallint,
    max_attempts integer,
    timeout interval,
    tags text[],
    meta jsonb,
    kind text NOT NULL COLLATE pg_catalog."C",
    cron text,
    every interval,
    at timestamp with time zone,
    time_zone text DEFAULT 'UTC'::text NOT NULL COLLATE pg_catalog."C",
    jitter interval,
    starts_at timestamp with time zone,
    ends_at timestamp with time zone,
    max_runs integer,
    overlap text DEFAULT 'allow'::text NOT NULL COLLATE pg_catalog."C",
    catch_up text DEFAULT 'last'::text NOT NULL COLLATE pg_catalog."C",
    catch_up_span interval,
    anchor_at timestamp with time zone NOT NULL,
    paused_at timestamp with time zone,
    paused_by text,
    pause_reason text,
    next_at timestamp with time zone,
    queued_at timestamp with time zone,
    runs bigint DEFAULT 0 NOT NULL,
    last_tick_at timestamp with time zone,
    last_job_id bigint,
    forgotten_at timestamp with time zone,
    declared boolean DEFAULT false NOT NULL,
    declared_at timestamp with time zone,
    declaration_hash text,
    created_by text NOT NULL COLLATE pg_catalog."C",
    created_at timestamp with time zone NOT NULL,
    updated_by text NOT NULL COLLATE pg_catalog."C",
    updated_at timestamp with time zone NOT NULL
)
WITH (fillfactor='50', autovacuum_vacuum_scale_factor='0', autovacuum_vacuum_threshold='1000');

COMMENT ON COLUMN taskflow.schedule.anchor_at IS 'ticks of an interval are whole multiples of it from here';

COMMENT ON COLUMN taskflow.schedule.queued_at IS 'a tick that waits for the end of last_job_id';

COMMENT ON COLUMN taskflow.schedule.last_tick_at IS 'the newest tick that was dealt with';

COMMENT ON COLUMN taskflow.schedule.forgotten_at IS 'ticks up to here have left the ledger';

COMMENT ON COLUMN taskflow.schedule.declaration_hash IS 'of the declaration in code that was last applied';

ALTER TABLE taskflow.job ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME taskflow.job_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE taskflow.workflow_run (
    id bigint DEFAULT nextval('taskflow.job_id_seq'::regclass) NOT NULL,
    root_id bigint NOT NULL,
    workflow_id bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone,
    parent_id bigint,
    parent_node integer,
    parent_place integer,
    total integer NOT NULL,
    succeeded integer DEFAULT 0 NOT NULL,
    skipped integer DEFAULT 0 NOT NULL,
    failed integer DEFAULT 0 NOT NULL,
    cancelled integer DEFAULT 0 NOT NULL,
    compensated integer DEFAULT 0 NOT NULL,
    depth smallint NOT NULL,
    tenant text DEFAULT 'default'::text NOT NULL COLLATE pg_catalog."C",
    state text DEFAULT 'running'::text NOT NULL COLLATE pg_catalog."C",
    ending text COLLATE pg_catalog."C",
    name text COLLATE pg_catalog."C",
    key text COLLATE pg_catalog."C",
    created_by text NOT NULL COLLATE pg_catalog."C",
    reason text,
    input jsonb NOT NULL,
    output jsonb
)
WITH (fillfactor='70');

CREATE TABLE taskflow.batch (
    id bigint DEFAULT nextval('taskflow.job_id_seq'::regclass) NOT NULL,
    created_at timestamp with time zone NOT NULL,
    closed_at timestamp with time zone,
    finished_at timestamp with time zone,
    cancelled_at timestamp with time zone,
    total integer DEFAULT 0 NOT NULL,
    succeeded integer DEFAULT 0 NOT NULL,
    dead integer DEFAULT 0 NOT NULL,
    cancelled integer DEFAULT 0 NOT NULL,
    tenant text DEFAULT 'default'::text NOT NULL COLLATE pg_catalog."C",
    name text COLLATE pg_catalog."C",
    created_by text NOT NULL COLLATE pg_catalog."C",
    fired text[] DEFAULT '{}'::text[] NOT NULL,
    on_success jsonb,
    on_failure jsonb,
    on_finish jsonb,
    meta jsonb
)
WITH (fillfactor='70');

CREATE TABLE taskflow.webhook_source (
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    tolerance interval DEFAULT '00:05:00'::interval NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    tenant text DEFAULT 'default'::text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    scheme text DEFAULT 'standard'::text NOT NULL COLLATE pg_catalog."C",
    task text NOT NULL COLLATE pg_catalog."C",
    queue text COLLATE pg_catalog."C",
    mapping text DEFAULT 'body'::text NOT NULL COLLATE pg_catalog."C",
    headers text[] DEFAULT '{}'::text[] NOT NULL,
    created_by text NOT NULL
);

CREATE VIEW taskflow.batch_view WITH (security_invoker='true') AS
 SELECT tenant,
    id,
    name,
        CASE
            WHEN (finished_at IS NOT NULL) THEN
            CASE
                WHEN (succeeded = total) THEN 'succeeded'::text
                ELSE 'failed'::text
            END
            WHEN (closed_at IS NULL) THEN 'open'::text
            ELSE 'running'::text
        END AS state,
    total,
    (((total - succeeded) - dead) - cancelled) AS pending,
    succeeded,
    dead,
    cancelled,
    created_at,
    closed_at,
    finished_at,
    cancelled_at,
    created_by,
    on_success,
    on_failure,
    on_finish,
    meta
   FROM taskflow.batch b;

CREATE TABLE taskflow.dead_job (
    id bigint NOT NULL,
    run_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone NOT NULL,
    claim_no bigint NOT NULL,
    started_at timestamp with time zone,
    finished_at timestamp with time zone NOT NULL,
    worker_id bigint,
    attempt smallint NOT NULL,
    lost smallint NOT NULL,
    max_attempts smallint NOT NULL,
    priority smallint NOT NULL,
    deadline timestamp with time zone,
    timeout interval,
    tenant text DEFAULT 'default'::text NOT NULL COLLATE pg_catalog."C",
    queue text NOT NULL COLLATE pg_catalog."C",
    task text NOT NULL COLLATE pg_catalog."C",
    created_by text NOT NULL COLLATE pg_catalog."C",
    unique_key text COLLATE pg_catalog."C",
    reason text NOT NULL,
    tags text[],
    args jsonb NOT NULL,
    meta jsonb,
    error_class text,
    error_message text,
    traceback text,
    fingerprint text COLLATE pg_catalog."C",
    unique_scope text COLLATE pg_catalog."C",
    args_version smallint
);

CREATE TABLE taskflow.job_history (
    id bigint NOT NULL,
    run_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone NOT NULL,
    claim_no bigint NOT NULL,
    started_at timestamp with time zone,
    finished_at timestamp with time zone NOT NULL,
    worker_id bigint,
    state taskflow.job_state NOT NULL,
    attempt smallint NOT NULL,
    lost smallint NOT NULL,
    max_attempts smallint NOT NULL,
    priority smallint NOT NULL,
    deadline timestamp with time zone,
    timeout interval,
    tenant text DEFAULT 'default'::text NOT NULL COLLATE pg_catalog."C",
    queue text NOT NULL COLLATE pg_catalog."C",
    task text NOT NULL COLLATE pg_catalog."C",
    created_by text NOT NULL COLLATE pg_catalog."C",
    unique_key text COLLATE pg_catalog."C",
    reason text,
    tags text[],
    args jsonb NOT NULL,
    meta jsonb,
    result jsonb,
    unique_scope text COLLATE pg_catalog."C",
    args_version smallint
)
PARTITION BY RANGE (finished_at);

CREATE VIEW taskflow.job_view WITH (security_invoker='true') AS
 SELECT j.tenant,
    j.id,
    taskflow.state_of(j.state, j.run_at, j.attempt, j.priority, taskflow.now()) AS state,
    j.queue,
    j.task,
    taskflow.priority_name(j.priority) AS priority,
    j.attempt,
    j.max_attempts,
    j.lost,
    j.claim_no,
    j.run_at,
    j.created_at,
    j.started_at,
    NULL::timestamp with time zone AS finished_at,
    j.lease_until,
    j.deadline,
    j.timeout,
    j.worker_id,
    j.cancel_requested,
    j.cancel_reason AS reason,
    j.unique_key,
    j.tags,
    j.created_by,
    j.args,
    j.meta,
    NULL::jsonb AS result,
    NULL::text AS error_class,
    NULL::text AS error_message,
    NULL::text AS traceback,
    NULL::text AS fingerprint
   FROM taskflow.job j
UNION ALL
 SELECT h.tenant,
    h.id,
    (h.state)::text AS state,
    h.queue,
    h.task,
    taskflow.priority_name(h.priority) AS priority,
    h.attempt,
    h.max_attempts,
    h.lost,
    h.claim_no,
    h.run_at,
    h.created_at,
    h.started_at,
    h.finished_at,
    NULL::timestamp with time zone AS lease_until,
    h.deadline,
    h.timeout,
    h.worker_id,
    false AS cancel_requested,
    h.reason,
    h.unique_key,
    h.tags,
    h.created_by,
    h.args,
    h.meta,
    h.result,
    NULL::text AS error_class,
    NULL::text AS error_message,
    NULL::text AS traceback,
    NULL::text AS fingerprint
   FROM taskflow.job_history h
UNION ALL
 SELECT d.tenant,
    d.id,
    'dead'::text AS state,
    d.queue,
    d.task,
    taskflow.priority_name(d.priority) AS priority,
    d.attempt,
    d.max_attempts,
    d.lost,
    d.claim_no,
    d.run_at,
    d.created_at,
    d.started_at,
    d.finished_at,
    NULL::timestamp with time zone AS lease_until,
    d.deadline,
    d.timeout,
    d.worker_id,
    false AS cancel_requested,
    d.reason,
    d.unique_key,
    d.tags,
    d.created_by,
    d.args,
    d.meta,
    NULL::jsonb AS result,
    d.error_class,
    d.error_message,
    d.traceback,
    d.fingerprint
   FROM taskflow.dead_job d;

CREATE TABLE taskflow.workflow (
    id bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    tenant text DEFAULT 'default'::text NOT NULL COLLATE pg_catalog."C",
    name text COLLATE pg_catalog."C",
    version integer,
    created_by text NOT NULL COLLATE pg_catalog."C",
    hash text NOT NULL COLLATE pg_catalog."C",
    definition jsonb NOT NULL,
    output jsonb,
    output_reads integer[]
);

CREATE VIEW taskflow.run_view WITH (security_invoker='true') AS
 SELECT r.tenant,
    r.id,
    r.name AS workflow,
    w.version,
    r.state,
    r.ending,
    r.key,
    r.reason,
    r.total,
    r.succeeded,
    r.skipped,
    r.failed,
    r.cancelled,
    r.compensated,
    r.created_at,
    r.finished_at,
    r.created_by,
    r.root_id,
    r.parent_id,
    r.workflow_id,
    r.input,
    r.output
   FROM (taskflow.workflow_run r
     JOIN taskflow.workflow w ON (((w.tenant = r.tenant) AND (w.id = r.workflow_id))));

CREATE TABLE taskflow.workflow_step (
    run_id bigint NOT NULL,
    job_id bigint,
    child_id bigint,
    due_at timestamp with time zone,
    started_at timestamp with time zone,
    finished_at timestamp with time zone,
    node integer NOT NULL,
    place integer DEFAULT '-1'::integer NOT NULL,
    remaining integer DEFAULT 0 NOT NULL,
    next_place integer,
    attempt smallint DEFAULT 0 NOT NULL,
    is_live boolean DEFAULT false NOT NULL,
    tenant text DEFAULT 'default'::text NOT NULL COLLATE pg_catalog."C",
    state text DEFAULT 'pending'::text NOT NULL COLLATE pg_catalog."C",
    error text,
    item jsonb,
    result jsonb
)
WITH (fillfactor='70', autovacuum_vacuum_scale_factor='0.05', autovacuum_analyze_scale_factor='0.05', autovacuum_vacuum_cost_delay='0');
ALTER TABLE ONLY taskflow.workflow_step ALTER COLUMN result SET STORAGE EXTERNAL;

CREATE VIEW taskflow.step_view WITH (security_invoker='true') AS
 SELECT s.tenant,
    s.run_id,
    n.no,
    n.name AS node,
        CASE
            WHEN (s.place < '-1'::integer) THEN ('-3'::integer - s.place)
            ELSE s.place
        END AS item_no,
    (s.place < '-1'::integer) AS is_compensation,
        CASE
            WHEN (s.place < '-1'::integer) THEN 'task'::text
            ELSE n.kind
        END AS kind,
        CASE
            WHEN (s.place < '-1'::integer) THEN (n.undo ->> 'task'::text)
            ELSE n.target
        END AS target,
        CASE
            WHEN (s.state <> 'scheduled'::text) THEN s.state
            WHEN ((s.child_id IS NOT NULL) OR (s.job_id IS NULL)) THEN 'running'::text
            ELSE COALESCE(taskflow.state_of(j.state, j.run_at, j.attempt, j.priority, taskflow.now()), 'running'::text)
        END AS state,
    s.job_id,
    s.child_id,
    s.attempt,
    s.remaining,
    s.due_at,
    s.started_at,
    s.finished_at,
    s.error,
    s.item,
    s.result,
    s.place
   FROM (((taskflow.workflow_step s
     JOIN taskflow.workflow_run r ON (((r.tenant = s.tenant) AND (r.id = s.run_id))))
     JOIN taskflow.workflow_node n ON (((n.tenant = r.tenant) AND (n.workflow_id = r.workflow_id) AND (n.no = s.node))))
     LEFT JOIN taskflow.job j ON (((s.state = 'scheduled'::text) AND (j.tenant = s.tenant) AND (j.id = s.job_id))));

CREATE TABLE taskflow.job_limit (
    tenant text DEFAULT 'default'::text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    queue text COLLATE pg_catalog."C",
    task text COLLATE pg_catalog."C",
    key text DEFAULT ''::text NOT NULL,
    concurrency integer,
    is_ordered boolean DEFAULT false NOT NULL,
    rate integer,
    period interval,
    burst integer,
    weight_by text,
    breaker_failures integer,
    breaker_window interval,
    breaker_cooldown interval,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL
);

CREATE TABLE taskflow.operation (
    tenant text DEFAULT 'default'::text NOT NULL COLLATE pg_catalog."C",
    id bigint NOT NULL,
    verb text NOT NULL COLLATE pg_catalog."C",
    filter jsonb NOT NULL,
    params jsonb DEFAULT '{}'::jsonb NOT NULL,
    rate integer,
    reason text,
    undoes bigint,
    created_by text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    state text DEFAULT 'waiting'::text NOT NULL COLLATE pg_catalog."C",
    expected bigint NOT NULL,
    up_to bigint NOT NULL,
    last_id bigint DEFAULT 0 NOT NULL,
    done bigint DEFAULT 0 NOT NULL,
    refused bigint DEFAULT 0 NOT NULL,
    job_id bigint,
    started_at timestamp with time zone,
    finished_at timestamp with time zone
);

CREATE TABLE taskflow.alembic_version (
    version_num character varying(32) NOT NULL
);

CREATE TABLE taskflow.api_key (
    tenant text DEFAULT 'default'::text NOT NULL COLLATE pg_catalog."C",
    id bigint NOT NULL,
    name text NOT NULL COLLATE pg_catalog."C",
    prefix text NOT NULL COLLATE pg_catalog."C",
    hash bytea NOT NULL,
    previous_hash bytea,
    previous_until timestamp with time zone,
    role text NOT NULL COLLATE pg_catalog."C",
    scopes text[],
    queues text[],
    rate integer,
    user_id bigint,
    expires_at timestamp with time zone,
    revoked_at timestamp with time zone,
    last_used_at timestamp with time zone,
    last_used_from text,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    version integer DEFAULT 1 NOT NULL
);

ALTER TABLE taskflow.api_key ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME taskflow.api_key_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE UNLOGGED TABLE taskflow.api_rate (
    tenant text DEFAULT 'default'::text NOT NULL COLLATE pg_catalog."C",
    subject text NOT NULL COLLATE pg_catalog."C",
    window_at timestamp with time zone NOT NULL,
    used integer NOT NULL
)
WITH (fillfactor='50');

CREATE TABLE taskflow.api_token (
    tenant text DEFAULT 'default'::text NOT NULL COLLATE pg_catalog."C",
    hash bytea NOT NULL,
    kind text NOT NULL COLLATE pg_catalog."C",
    user_id bigint,
    key_id bigint,
    family text COLLATE pg_catalog."C",
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    used_at timestamp with time zone
);

CREATE TABLE taskflow.api_user (
    tenant text DEFAULT 'default'::text NOT NULL COLLATE pg_catalog."C",
    id bigint NOT NULL,
    name text NOT NULL COLLATE pg_catalog."C",
    role text NOT NULL COLLATE pg_catalog."C",
    queues text[],
    password_hash text,
    token_version integer DEFAULT 1 NOT NULL,
    failures integer DEFAULT 0 NOT NULL,
    locked_until timestamp with time zone,
    disabled_at timestamp with time zone,
    last_login_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    version integer DEFAULT 1 NOT NULL
);

ALTER TABLE taskflow.api_user ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME taskflow.api_user_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE taskflow.attempt (
    job_id bigint NOT NULL,
    claim_no bigint NOT NULL,
    attempt smallint NOT NULL,
    outcome text NOT NULL COLLATE pg_catalog."C",
    worker_id bigint,
    started_at timestamp with time zone,
    finished_at timestamp with time zone NOT NULL,
    tenant text DEFAULT 'default'::text NOT NULL COLLATE pg_catalog."C",
    reason text,
    error_class text,
    error_message text,
    traceback text,
    fingerprint text COLLATE pg_catalog."C"
)
PARTITION BY RANGE (finished_at);

CREATE TABLE taskflow.attempt_default (
    job_id bigint CONSTRAINT attempt_job_id_not_null NOT NULL,
    claim_no bigint CONSTRAINT attempt_claim_no_not_null NOT NULL,
    attempt smallint CONSTRAINT attempt_attempt_not_null NOT NULL,
    outcome text CONSTRAINT attempt_outcome_not_null NOT NULL COLLATE pg_catalog."C",
    worker_id bigint,
    started_at timestamp with time zone,
    finished_at timestamp with time zone CONSTRAINT attempt_finished_at_not_null NOT NULL,
    tenant text DEFAULT 'default'::text CONSTRAINT attempt_tenant_not_null NOT NULL COLLATE pg_catalog."C",
    reason text,
    error_class text,
    error_message text,
    traceback text,
    fingerprint text COLLATE pg_catalog."C"
);

CREATE TABLE taskflow.audit (
    tenant text DEFAULT 'default'::text NOT NULL COLLATE pg_catalog."C",
    id bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    actor text NOT NULL,
    actor_kind text NOT NULL COLLATE pg_catalog."C",
    actor_id bigint,
    address text,
    request text,
    action text NOT NULL COLLATE pg_catalog."C",
    method text NOT NULL COLLATE pg_catalog."C",
    path text NOT NULL,
    status integer NOT NULL,
    target text,
    detail jsonb
);

ALTER TABLE taskflow.audit ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME taskflow.audit_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE taskflow.batch_job (
    job_id bigint NOT NULL,
    batch_id bigint NOT NULL,
    tenant text DEFAULT 'default'::text NOT NULL COLLATE pg_catalog."C",
    ended_as text COLLATE pg_catalog."C"
)
WITH (fillfactor='70');

CREATE TABLE taskflow.claim_batch (
    id bigint NOT NULL,
    tenant text DEFAULT 'default'::text NOT NULL COLLATE pg_catalog."C",
    worker_id bigint NOT NULL,
    check_at timestamp with time zone NOT NULL,
    suspected_at timestamp with time zone,
    job_ids bigint[] NOT NULL
)
WITH (autovacuum_vacuum_scale_factor='0', autovacuum_vacuum_threshold='1000', autovacuum_vacuum_cost_delay='0');
ALTER TABLE ONLY taskflow.claim_batch ALTER COLUMN job_ids SET STORAGE EXTERNAL;

ALTER TABLE taskflow.claim_batch ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME taskflow.claim_batch_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE taskflow.config (
    tenant text DEFAULT 'default'::text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    value text NOT NULL,
    meaning text NOT NULL,
    CONSTRAINT config_value_fits CHECK (
CASE
    WHEN (name = 'max_attempts'::text) THEN (value ~ '^[1-9][0-9]{0,2}$|^1000$'::text)
    WHEN (name = 'partitions_ahead'::text) THEN (value ~ '^[1-9][0-9]?$'::text)
    WHEN (name ~~ 'max\_%'::text) THEN (value ~ '^[0-9]{1,9}$'::text)
    WHEN (name ~~ '%\_retention'::text) THEN (((value)::interval >= '00:01:00'::interval) AND ((value)::interval <= '100 years'::interval))
    ELSE true
END),
    CONSTRAINT config_webhook_fits CHECK (
CASE
    WHEN (name = 'webhook_disable_after'::text) THEN (((value)::interval >= '00:01:00'::interval) AND ((value)::interval <= '100 years'::interval))
    ELSE true
END)
);

CREATE TABLE taskflow.dependency (
    parent_id bigint NOT NULL,
    child_id bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    tenant text DEFAULT 'default'::text NOT NULL COLLATE pg_catalog."C",
    on_failure text NOT NULL COLLATE pg_catalog."C",
    ended_as text COLLATE pg_catalog."C"
);

CREATE TABLE taskflow.idempotency (
    tenant text DEFAULT 'default'::text NOT NULL COLLATE pg_catalog."C",
    actor text NOT NULL COLLATE pg_catalog."C",
    route text NOT NULL COLLATE pg_catalog."C",
    key text NOT NULL COLLATE pg_catalog."C",
    request_hash bytea NOT NULL,
    status integer NOT NULL,
    headers jsonb NOT NULL,
    body bytea,
    created_at timestamp with time zone NOT NULL
);

CREATE TABLE taskflow.job_history_default (
    id bigint CONSTRAINT job_history_id_not_null NOT NULL,
    run_at timestamp with time zone CONSTRAINT job_history_run_at_not_null NOT NULL,
    created_at timestamp with time zone CONSTRAINT job_history_created_at_not_null NOT NULL,
    claim_no bigint CONSTRAINT job_history_claim_no_not_null NOT NULL,
    started_at timestamp with time zone,
    finished_at timestamp with time zone CONSTRAINT job_history_finished_at_not_null NOT NULL,
    worker_id bigint,
    state taskflow.job_state CONSTRAINT job_history_state_not_null NOT NULL,
    attempt smallint CONSTRAINT job_history_attempt_not_null NOT NULL,
    lost smallint CONSTRAINT job_history_lost_not_null NOT NULL,
    max_attempts smallint CONSTRAINT job_history_max_attempts_not_null NOT NULL,
    priority smallint CONSTRAINT job_history_priority_not_null NOT NULL,
    deadline timestamp with time zone,
    timeout interval,
    tenant text DEFAULT 'default'::text CONSTRAINT job_history_tenant_not_null NOT NULL COLLATE pg_catalog."C",
    queue text CONSTRAINT job_history_queue_not_null NOT NULL COLLATE pg_catalog."C",
    task text CONSTRAINT job_history_task_not_null NOT NULL COLLATE pg_catalog."C",
    created_by text CONSTRAINT job_history_created_by_not_null NOT NULL COLLATE pg_catalog."C",
    unique_key text COLLATE pg_catalog."C",
    reason text,
    tags text[],
    args jsonb CONSTRAINT job_history_args_not_null NOT NULL,
    meta jsonb,
    result jsonb,
    unique_scope text COLLATE pg_catalog."C",
    args_version smallint
);

CREATE SEQUENCE taskflow.job_log_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

CREATE TABLE taskflow.job_log (
    seq bigint DEFAULT nextval('taskflow.job_log_seq'::regclass) NOT NULL,
    job_id bigint NOT NULL,
    claim_no bigint NOT NULL,
    logged_at timestamp with time zone NOT NULL,
    written_at timestamp with time zone NOT NULL,
    attempt smallint NOT NULL,
    tenant text DEFAULT 'default'::text NOT NULL COLLATE pg_catalog."C",
    level text NOT NULL COLLATE pg_catalog."C",
    logger text,
    message text NOT NULL
)
PARTITION BY RANGE (written_at);

CREATE TABLE taskflow.job_log_default (
    seq bigint DEFAULT nextval('taskflow.job_log_seq'::regclass) CONSTRAINT job_log_seq_not_null NOT NULL,
    job_id bigint CONSTRAINT job_log_job_id_not_null NOT NULL,
    claim_no bigint CONSTRAINT job_log_claim_no_not_null NOT NULL,
    logged_at timestamp with time zone CONSTRAINT job_log_logged_at_not_null NOT NULL,
    written_at timestamp with time zone CONSTRAINT job_log_written_at_not_null NOT NULL,
    attempt smallint CONSTRAINT job_log_attempt_not_null NOT NULL,
    tenant text DEFAULT 'default'::text CONSTRAINT job_log_tenant_not_null NOT NULL COLLATE pg_catalog."C",
    level text CONSTRAINT job_log_level_not_null NOT NULL COLLATE pg_catalog."C",
    logger text,
    message text CONSTRAINT job_log_message_not_null NOT NULL
);

CREATE TABLE taskflow.job_step (
    job_id bigint NOT NULL,
    claim_no bigint NOT NULL,
    saved_at timestamp with time zone NOT NULL,
    tenant text DEFAULT 'default'::text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    result jsonb
);

CREATE TABLE taskflow.lane_bell (
    at timestamp with time zone NOT NULL,
    lane_id bigint NOT NULL,
    tenant text DEFAULT 'default'::text NOT NULL COLLATE pg_catalog."C",
    queue text NOT NULL COLLATE pg_catalog."C"
)
WITH (autovacuum_vacuum_scale_factor='0', autovacuum_vacuum_threshold='1000', autovacuum_vacuum_cost_delay='0');

ALTER TABLE taskflow.lane ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME taskflow.lane_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE taskflow.limit_key ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME taskflow.limit_key_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE taskflow.limit_permit (
    id bigint NOT NULL,
    key_id bigint NOT NULL,
    until timestamp with time zone NOT NULL,
    weight integer NOT NULL,
    tenant text DEFAULT 'default'::text NOT NULL COLLATE pg_catalog."C",
    holder text NOT NULL
);

ALTER TABLE taskflow.limit_permit ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME taskflow.limit_permit_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE taskflow.limit_slot (
    key_id bigint NOT NULL,
    job_id bigint NOT NULL,
    taken_at timestamp with time zone NOT NULL,
    weight integer NOT NULL,
    tenant text DEFAULT 'default'::text NOT NULL COLLATE pg_catalog."C"
)
WITH (autovacuum_vacuum_scale_factor='0', autovacuum_vacuum_threshold='1000', autovacuum_vacuum_cost_delay='0');

CREATE TABLE taskflow.limit_start (
    key_id bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    weight integer NOT NULL,
    tenant text DEFAULT 'default'::text NOT NULL COLLATE pg_catalog."C"
)
WITH (autovacuum_vacuum_scale_factor='0', autovacuum_vacuum_threshold='1000', autovacuum_vacuum_cost_delay='0');

ALTER TABLE taskflow.operation ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME taskflow.operation_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE taskflow.operation_item (
    operation_id bigint NOT NULL,
    job_id bigint NOT NULL,
    tenant text DEFAULT 'default'::text NOT NULL COLLATE pg_catalog."C",
    outcome text NOT NULL COLLATE pg_catalog."C",
    before jsonb,
    code text COLLATE pg_catalog."C",
    message text
);

CREATE TABLE taskflow.queue (
    tenant text DEFAULT 'default'::text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    paused_at timestamp with time zone,
    paused_by text,
    pause_reason text,
    resume_at timestamp with time zone
);

CREATE TABLE taskflow.result_chunk (
    job_id bigint NOT NULL,
    claim_no bigint NOT NULL,
    look_at timestamp with time zone,
    place integer NOT NULL,
    tenant text DEFAULT 'default'::text NOT NULL COLLATE pg_catalog."C",
    bytes bytea NOT NULL
);

CREATE TABLE taskflow.schedule_tick (
    tenant text DEFAULT 'default'::text NOT NULL COLLATE pg_catalog."C",
    schedule text NOT NULL COLLATE pg_catalog."C",
    tick_at timestamp with time zone NOT NULL,
    until_at timestamp with time zone,
    status text NOT NULL COLLATE pg_catalog."C",
    reason text,
    job_id bigint,
    fired_at timestamp with time zone NOT NULL,
    late_by interval NOT NULL
);

COMMENT ON COLUMN taskflow.schedule_tick.until_at IS 'one row for all ticks from tick_at to before this';

CREATE VIEW taskflow.schedule_view WITH (security_invoker='true') AS
 SELECT s.tenant,
    s.name,
    taskflow.schedule_state(s.*, taskflow.now()) AS state,
    s.task,
    s.kind,
        CASE s.kind
            WHEN 'cron'::text THEN s.cron
            WHEN 'interval'::text THEN ('every '::text || s.every)
            ELSE ('at '::text || taskflow.tick_text(s.at))
        END AS times,
    s.time_zone,
    s.next_at,
    s.queued_at,
    s.last_tick_at,
    t.status AS last_status,
    t.reason AS last_reason,
    t.late_by AS last_late_by,
    s.last_job_id,
    s.runs,
    s.max_runs,
    s.overlap,
    s.catch_up,
    s.catch_up_span,
    s.jitter,
    s.starts_at,
    s.ends_at,
    s.queue,
    taskflow.priority_name(s.priority) AS priority,
    s.max_attempts,
    s.timeout,
    s.tags,
    s.args,
    s.meta,
    s.paused_at,
    s.paused_by,
    s.pause_reason,
    s.declared,
    s.declared_at,
    taskflow.schedule_orphaned(s.*) AS is_orphaned,
    s.created_by,
    s.created_at,
    s.updated_by,
    s.updated_at
   FROM (taskflow.schedule s
     LEFT JOIN LATERAL ( SELECT k.tenant,
            k.schedule,
            k.tick_at,
            k.until_at,
            k.status,
            k.reason,
            k.job_id,
            k.fired_at,
            k.late_by
           FROM taskflow.schedule_tick k
          WHERE ((k.tenant = s.tenant) AND (k.schedule = s.name))
          ORDER BY k.tick_at DESC
         LIMIT 1) t ON (true));

CREATE TABLE taskflow.signing_key (
    tenant text DEFAULT 'default'::text NOT NULL COLLATE pg_catalog."C",
    id bigint NOT NULL,
    secret bytea NOT NULL,
    created_at timestamp with time zone NOT NULL
);

ALTER TABLE taskflow.signing_key ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME taskflow.signing_key_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE taskflow.sql_object (
    tenant text DEFAULT 'default'::text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    source_hash text NOT NULL,
    server_hash text NOT NULL
);

CREATE TABLE taskflow.stat_10s (
    at timestamp with time zone NOT NULL,
    count bigint NOT NULL,
    run_seconds double precision NOT NULL,
    wait_seconds double precision NOT NULL,
    tenant text DEFAULT 'default'::text NOT NULL COLLATE pg_catalog."C",
    queue text NOT NULL COLLATE pg_catalog."C",
    task text NOT NULL COLLATE pg_catalog."C",
    outcome text NOT NULL COLLATE pg_catalog."C",
    run_buckets integer[] NOT NULL,
    wait_buckets integer[] NOT NULL
)
PARTITION BY RANGE (at);

CREATE TABLE taskflow.stat_10s_default (
    at timestamp with time zone CONSTRAINT stat_10s_at_not_null NOT NULL,
    count bigint CONSTRAINT stat_10s_count_not_null NOT NULL,
    run_seconds double precision CONSTRAINT stat_10s_run_seconds_not_null NOT NULL,
    wait_seconds double precision CONSTRAINT stat_10s_wait_seconds_not_null NOT NULL,
    tenant text DEFAULT 'default'::text CONSTRAINT stat_10s_tenant_not_null NOT NULL COLLATE pg_catalog."C",
    queue text CONSTRAINT stat_10s_queue_not_null NOT NULL COLLATE pg_catalog."C",
    task text CONSTRAINT stat_10s_task_not_null NOT NULL COLLATE pg_catalog."C",
    outcome text CONSTRAINT stat_10s_outcome_not_null NOT NULL COLLATE pg_catalog."C",
    run_buckets integer[] CONSTRAINT stat_10s_run_buckets_not_null NOT NULL,
    wait_buckets integer[] CONSTRAINT stat_10s_wait_buckets_not_null NOT NULL
);

CREATE TABLE taskflow.stat_1h (
    at timestamp with time zone NOT NULL,
    count bigint NOT NULL,
    run_seconds double precision NOT NULL,
    wait_seconds double precision NOT NULL,
    tenant text DEFAULT 'default'::text NOT NULL COLLATE pg_catalog."C",
    queue text NOT NULL COLLATE pg_catalog."C",
    task text NOT NULL COLLATE pg_catalog."C",
    outcome text NOT NULL COLLATE pg_catalog."C",
    run_buckets integer[] NOT NULL,
    wait_buckets integer[] NOT NULL
)
PARTITION BY RANGE (at);

CREATE TABLE taskflow.stat_1h_default (
    at timestamp with time zone CONSTRAINT stat_1h_at_not_null NOT NULL,
    count bigint CONSTRAINT stat_1h_count_not_null NOT NULL,
    run_seconds double precision CONSTRAINT stat_1h_run_seconds_not_null NOT NULL,
    wait_seconds double precision CONSTRAINT stat_1h_wait_seconds_not_null NOT NULL,
    tenant text DEFAULT 'default'::text CONSTRAINT stat_1h_tenant_not_null NOT NULL COLLATE pg_catalog."C",
    queue text CONSTRAINT stat_1h_queue_not_null NOT NULL COLLATE pg_catalog."C",
    task text CONSTRAINT stat_1h_task_not_null NOT NULL COLLATE pg_catalog."C",
    outcome text CONSTRAINT stat_1h_outcome_not_null NOT NULL COLLATE pg_catalog."C",
    run_buckets integer[] CONSTRAINT stat_1h_run_buckets_not_null NOT NULL,
    wait_buckets integer[] CONSTRAINT stat_1h_wait_buckets_not_null NOT NULL
);

CREATE TABLE taskflow.stat_1m (
    at timestamp with time zone NOT NULL,
    count bigint NOT NULL,
    run_seconds double precision NOT NULL,
    wait_seconds double precision NOT NULL,
    tenant text DEFAULT 'default'::text NOT NULL COLLATE pg_catalog."C",
    queue text NOT NULL COLLATE pg_catalog."C",
    task text NOT NULL COLLATE pg_catalog."C",
    outcome text NOT NULL COLLATE pg_catalog."C",
    run_buckets integer[] NOT NULL,
    wait_buckets integer[] NOT NULL
)
PARTITION BY RANGE (at);

CREATE TABLE taskflow.stat_1m_default (
    at timestamp with time zone CONSTRAINT stat_1m_at_not_null NOT NULL,
    count bigint CONSTRAINT stat_1m_count_not_null NOT NULL,
    run_seconds double precision CONSTRAINT stat_1m_run_seconds_not_null NOT NULL,
    wait_seconds double precision CONSTRAINT stat_1m_wait_seconds_not_null NOT NULL,
    tenant text DEFAULT 'default'::text CONSTRAINT stat_1m_tenant_not_null NOT NULL COLLATE pg_catalog."C",
    queue text CONSTRAINT stat_1m_queue_not_null NOT NULL COLLATE pg_catalog."C",
    task text CONSTRAINT stat_1m_task_not_null NOT NULL COLLATE pg_catalog."C",
    outcome text CONSTRAINT stat_1m_outcome_not_null NOT NULL COLLATE pg_catalog."C",
    run_buckets integer[] CONSTRAINT stat_1m_run_buckets_not_null NOT NULL,
    wait_buckets integer[] CONSTRAINT stat_1m_wait_buckets_not_null NOT NULL
);

CREATE TABLE taskflow.stat_flush (
    worker_id bigint NOT NULL,
    flush_no bigint NOT NULL,
    flushed_at timestamp with time zone NOT NULL,
    tenant text DEFAULT 'default'::text NOT NULL COLLATE pg_catalog."C"
)
WITH (fillfactor='50');

CREATE VIEW taskflow.stats_10s WITH (security_invoker='true') AS
 SELECT tenant,
    at,
    queue,
    task,
    outcome,
    count,
    run_seconds,
    wait_seconds,
    taskflow.stat_percentile((run_buckets)::bigint[], (0.5)::double precision) AS run_p50,
    taskflow.stat_percentile((run_buckets)::bigint[], (0.95)::double precision) AS run_p95,
    taskflow.stat_percentile((run_buckets)::bigint[], (0.99)::double precision) AS run_p99,
    taskflow.stat_percentile((wait_buckets)::bigint[], (0.5)::double precision) AS wait_p50,
    taskflow.stat_percentile((wait_buckets)::bigint[], (0.95)::double precision) AS wait_p95,
    taskflow.stat_percentile((wait_buckets)::bigint[], (0.99)::double precision) AS wait_p99,
    run_buckets,
    wait_buckets
   FROM taskflow.stat_10s s;

CREATE VIEW taskflow.stats_1h WITH (security_invoker='true') AS
 SELECT tenant,
    at,
    queue,
    task,
    outcome,
    count,
    run_seconds,
    wait_seconds,
    taskflow.stat_percentile((run_buckets)::bigint[], (0.5)::double precision) AS run_p50,
    taskflow.stat_percentile((run_buckets)::bigint[], (0.95)::double precision) AS run_p95,
    taskflow.stat_percentile((run_buckets)::bigint[], (0.99)::double precision) AS run_p99,
    taskflow.stat_percentile((wait_buckets)::bigint[], (0.5)::double precision) AS wait_p50,
    taskflow.stat_percentile((wait_buckets)::bigint[], (0.95)::double precision) AS wait_p95,
    taskflow.stat_percentile((wait_buckets)::bigint[], (0.99)::double precision) AS wait_p99,
    run_buckets,
    wait_buckets
   FROM taskflow.stat_1h s;

CREATE VIEW taskflow.stats_1m WITH (security_invoker='true') AS
 SELECT tenant,
    at,
    queue,
    task,
    outcome,
    count,
    run_seconds,
    wait_seconds,
    taskflow.stat_percentile((run_buckets)::bigint[], (0.5)::double precision) AS run_p50,
    taskflow.stat_percentile((run_buckets)::bigint[], (0.95)::double precision) AS run_p95,
    taskflow.stat_percentile((run_buckets)::bigint[], (0.99)::double precision) AS run_p99,
    taskflow.stat_percentile((wait_buckets)::bigint[], (0.5)::double precision) AS wait_p50,
    taskflow.stat_percentile((wait_buckets)::bigint[], (0.95)::double precision) AS wait_p95,
    taskflow.stat_percentile((wait_buckets)::bigint[], (0.99)::double precision) AS wait_p99,
    run_buckets,
    wait_buckets
   FROM taskflow.stat_1m s;

CREATE TABLE taskflow.task (
    tenant text DEFAULT 'default'::text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    queue text,
    priority smallint,
    max_attempts smallint,
    timeout interval,
    args_schema jsonb,
    version smallint DEFAULT 1 NOT NULL,
    check_args text DEFAULT 'reject'::text NOT NULL COLLATE pg_catalog."C",
    published_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);

CREATE TABLE taskflow.tenant (
    tenant text DEFAULT 'default'::text NOT NULL COLLATE pg_catalog."C",
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    disabled_at timestamp with time zone,
    max_live_jobs integer,
    max_requests integer,
    max_storage_bytes bigint,
    live_jobs bigint,
    counted_at timestamp with time zone,
    storage_bytes bigint,
    measured_at timestamp with time zone,
    version integer DEFAULT 1 NOT NULL
);

CREATE TABLE taskflow.tenant_role (
    tenant text DEFAULT 'default'::text NOT NULL COLLATE pg_catalog."C",
    role text NOT NULL COLLATE pg_catalog."C",
    granted_by text DEFAULT SESSION_USER NOT NULL,
    granted_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);

CREATE TABLE taskflow.unique_window (
    tenant text DEFAULT 'default'::text NOT NULL COLLATE pg_catalog."C",
    scope text NOT NULL COLLATE pg_catalog."C",
    key text NOT NULL COLLATE pg_catalog."C",
    job_id bigint NOT NULL,
    expires_at timestamp with time zone NOT NULL
);

CREATE UNLOGGED TABLE taskflow.waiter (
    tenant text DEFAULT 'default'::text NOT NULL COLLATE pg_catalog."C",
    queue text NOT NULL COLLATE pg_catalog."C",
    worker_id bigint NOT NULL,
    until timestamp with time zone NOT NULL
);

CREATE UNLOGGED TABLE taskflow.watcher (
    tenant text DEFAULT 'default'::text NOT NULL COLLATE pg_catalog."C",
    job_id bigint NOT NULL,
    until timestamp with time zone NOT NULL
);

CREATE TABLE taskflow.webhook_attempt (
    delivery_id bigint NOT NULL,
    attempt integer NOT NULL,
    finished_at timestamp with time zone NOT NULL,
    status integer,
    duration_ms integer,
    tenant text DEFAULT 'default'::text NOT NULL COLLATE pg_catalog."C",
    error text,
    response_head text
);

CREATE TABLE taskflow.webhook_event (
    id bigint NOT NULL,
    occurred_at timestamp with time zone NOT NULL,
    tenant text DEFAULT 'default'::text NOT NULL COLLATE pg_catalog."C",
    type text NOT NULL COLLATE pg_catalog."C",
    data jsonb NOT NULL
);

ALTER TABLE taskflow.webhook_event ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME taskflow.webhook_event_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE taskflow.webhook_secret (
    tenant text DEFAULT 'default'::text NOT NULL COLLATE pg_catalog."C",
    owner text NOT NULL COLLATE pg_catalog."C",
    secret text NOT NULL,
    previous text,
    previous_until timestamp with time zone
);

CREATE TABLE taskflow.worker (
    tenant text DEFAULT 'default'::text NOT NULL COLLATE pg_catalog."C",
    id bigint NOT NULL,
    name text NOT NULL,
    host text,
    pid integer,
    version text,
    queues text[] NOT NULL,
    slots integer[] NOT NULL,
    tasks text[],
    state text DEFAULT 'running'::text NOT NULL,
    started_at timestamp with time zone NOT NULL,
    renewed_at timestamp with time zone,
    lease_until timestamp with time zone NOT NULL,
    listening boolean DEFAULT false NOT NULL,
    running integer DEFAULT 0 NOT NULL,
    finished bigint DEFAULT 0 NOT NULL,
    failed bigint DEFAULT 0 NOT NULL,
    stale bigint DEFAULT 0 NOT NULL,
    memory_bytes bigint,
    unknown_tasks text[]
)
WITH (fillfactor='50', autovacuum_vacuum_scale_factor='0', autovacuum_vacuum_threshold='500');

ALTER TABLE taskflow.worker ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME taskflow.worker_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE taskflow.workflow ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME taskflow.workflow_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE taskflow.workflow_signal (
    id bigint NOT NULL,
    run_id bigint NOT NULL,
    sent_at timestamp with time zone NOT NULL,
    taken_by integer,
    tenant text DEFAULT 'default'::text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    sent_by text NOT NULL COLLATE pg_catalog."C",
    payload jsonb
);

ALTER TABLE taskflow.workflow_signal ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME taskflow.workflow_signal_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE ONLY taskflow.attempt ATTACH PARTITION taskflow.attempt_default DEFAULT;

ALTER TABLE ONLY taskflow.job_history ATTACH PARTITION taskflow.job_history_default DEFAULT;

ALTER TABLE ONLY taskflow.job_log ATTACH PARTITION taskflow.job_log_default DEFAULT;

ALTER TABLE ONLY taskflow.stat_10s ATTACH PARTITION taskflow.stat_10s_default DEFAULT;

ALTER TABLE ONLY taskflow.stat_1h ATTACH PARTITION taskflow.stat_1h_default DEFAULT;

ALTER TABLE ONLY taskflow.stat_1m ATTACH PARTITION taskflow.stat_1m_default DEFAULT;

ALTER TABLE ONLY taskflow.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);

ALTER TABLE ONLY taskflow.api_key
    ADD CONSTRAINT api_key_pkey PRIMARY KEY (tenant, id);

ALTER TABLE ONLY taskflow.api_rate
    ADD CONSTRAINT api_rate_pkey PRIMARY KEY (tenant, subject);

ALTER TABLE ONLY taskflow.api_token
    ADD CONSTRAINT api_token_pkey PRIMARY KEY (tenant, hash);

ALTER TABLE ONLY taskflow.api_user
    ADD CONSTRAINT api_user_name_key UNIQUE (tenant, name);

ALTER TABLE ONLY taskflow.api_user
    ADD CONSTRAINT api_user_pkey PRIMARY KEY (tenant, id);

ALTER TABLE ONLY taskflow.audit
    ADD CONSTRAINT audit_pkey PRIMARY KEY (tenant, id);

ALTER TABLE ONLY taskflow.batch_job
    ADD CONSTRAINT batch_job_pkey PRIMARY KEY (tenant, job_id);

ALTER TABLE ONLY taskflow.batch
    ADD CONSTRAINT batch_pkey PRIMARY KEY (tenant, id);

ALTER TABLE ONLY taskflow.claim_batch
    ADD CONSTRAINT claim_batch_pkey PRIMARY KEY (tenant, id);

ALTER TABLE ONLY taskflow.config
    ADD CONSTRAINT config_pkey PRIMARY KEY (tenant, name);

ALTER TABLE ONLY taskflow.dead_job
    ADD CONSTRAINT dead_job_pkey PRIMARY KEY (tenant, id);

ALTER TABLE ONLY taskflow.dependency
    ADD CONSTRAINT dependency_pkey PRIMARY KEY (tenant, parent_id, child_id);

ALTER TABLE ONLY taskflow.idempotency
    ADD CONSTRAINT idempotency_pkey PRIMARY KEY (tenant, actor, route, key);

ALTER TABLE ONLY taskflow.job_limit
    ADD CONSTRAINT job_limit_pkey PRIMARY KEY (tenant, name);

ALTER TABLE ONLY taskflow.job
    ADD CONSTRAINT job_pkey PRIMARY KEY (tenant, id);

ALTER TABLE ONLY taskflow.job_step
    ADD CONSTRAINT job_step_pkey PRIMARY KEY (tenant, job_id, name);

ALTER TABLE ONLY taskflow.lane
    ADD CONSTRAINT lane_pkey PRIMARY KEY (tenant, id);

ALTER TABLE ONLY taskflow.limit_key
    ADD CONSTRAINT limit_key_pkey PRIMARY KEY (tenant, id);

ALTER TABLE ONLY taskflow.limit_permit
    ADD CONSTRAINT limit_permit_pkey PRIMARY KEY (tenant, id);

ALTER TABLE ONLY taskflow.limit_slot
    ADD CONSTRAINT limit_slot_pkey PRIMARY KEY (tenant, key_id, job_id);

ALTER TABLE ONLY taskflow.operation_item
    ADD CONSTRAINT operation_item_pkey PRIMARY KEY (tenant, operation_id, job_id);

ALTER TABLE ONLY taskflow.operation
    ADD CONSTRAINT operation_pkey PRIMARY KEY (tenant, id);

ALTER TABLE ONLY taskflow.queue
    ADD CONSTRAINT queue_pkey PRIMARY KEY (tenant, name);

ALTER TABLE ONLY taskflow.result_chunk
    ADD CONSTRAINT result_chunk_pkey PRIMARY KEY (tenant, job_id, claim_no, place);

ALTER TABLE ONLY taskflow.schedule
    ADD CONSTRAINT schedule_pkey PRIMARY KEY (tenant, name);

ALTER TABLE ONLY taskflow.schedule_tick
    ADD CONSTRAINT schedule_tick_pkey PRIMARY KEY (tenant, schedule, tick_at);

ALTER TABLE ONLY taskflow.signing_key
    ADD CONSTRAINT signing_key_pkey PRIMARY KEY (tenant, id);

ALTER TABLE ONLY taskflow.sql_object
    ADD CONSTRAINT sql_object_pkey PRIMARY KEY (tenant, name);

ALTER TABLE ONLY taskflow.stat_10s
    ADD CONSTRAINT stat_10s_pkey PRIMARY KEY (tenant, at, queue, task, outcome);

ALTER TABLE ONLY taskflow.stat_10s_default
    ADD CONSTRAINT stat_10s_default_pkey PRIMARY KEY (tenant, at, queue, task, outcome);

ALTER TABLE ONLY taskflow.stat_1h
    ADD CONSTRAINT stat_1h_pkey PRIMARY KEY (tenant, at, queue, task, outcome);

ALTER TABLE ONLY taskflow.stat_1h_default
    ADD CONSTRAINT stat_1h_default_pkey PRIMARY KEY (tenant, at, queue, task, outcome);

ALTER TABLE ONLY taskflow.stat_1m
    ADD CONSTRAINT stat_1m_pkey PRIMARY KEY (tenant, at, queue, task, outcome);

ALTER TABLE ONLY taskflow.stat_1m_default
    ADD CONSTRAINT stat_1m_default_pkey PRIMARY KEY (tenant, at, queue, task, outcome);

ALTER TABLE ONLY taskflow.stat_flush
    ADD CONSTRAINT stat_flush_pkey PRIMARY KEY (tenant, worker_id);

ALTER TABLE ONLY taskflow.task
    ADD CONSTRAINT task_pkey PRIMARY KEY (tenant, name);

ALTER TABLE ONLY taskflow.tenant
    ADD CONSTRAINT tenant_pkey PRIMARY KEY (tenant);

ALTER TABLE ONLY taskflow.tenant_role
    ADD CONSTRAINT tenant_role_pkey PRIMARY KEY (tenant, role);

ALTER TABLE ONLY taskflow.unique_window
    ADD CONSTRAINT unique_window_pkey PRIMARY KEY (tenant, scope, key);

ALTER TABLE ONLY taskflow.waiter
    ADD CONSTRAINT waiter_pkey PRIMARY KEY (tenant, queue, worker_id);

ALTER TABLE ONLY taskflow.watcher
    ADD CONSTRAINT watcher_pkey PRIMARY KEY (tenant, job_id);

ALTER TABLE ONLY taskflow.webhook_attempt
    ADD CONSTRAINT webhook_attempt_pkey PRIMARY KEY (tenant, delivery_id, attempt);

ALTER TABLE ONLY taskflow.webhook_event
    ADD CONSTRAINT webhook_event_pkey PRIMARY KEY (tenant, id);

ALTER TABLE ONLY taskflow.webhook_secret
    ADD CONSTRAINT webhook_secret_pkey PRIMARY KEY (tenant, owner);

ALTER TABLE ONLY taskflow.webhook_source
    ADD CONSTRAINT webhook_source_pkey PRIMARY KEY (tenant, name);

ALTER TABLE ONLY taskflow.worker
    ADD CONSTRAINT worker_pkey PRIMARY KEY (tenant, id);

ALTER TABLE ONLY taskflow.workflow_node
    ADD CONSTRAINT workflow_node_pkey PRIMARY KEY (tenant, workflow_id, no);

ALTER TABLE ONLY taskflow.workflow
    ADD CONSTRAINT workflow_pkey PRIMARY KEY (tenant, id);

ALTER TABLE ONLY taskflow.workflow_run
    ADD CONSTRAINT workflow_run_pkey PRIMARY KEY (tenant, id);

ALTER TABLE ONLY taskflow.workflow_signal
    ADD CONSTRAINT workflow_signal_pkey PRIMARY KEY (tenant, id);

ALTER TABLE ONLY taskflow.workflow_step
    ADD CONSTRAINT workflow_step_pkey PRIMARY KEY (tenant, run_id, node, place);

CREATE INDEX api_key_hash ON taskflow.api_key USING btree (hash);

CREATE INDEX api_key_previous ON taskflow.api_key USING btree (previous_hash) WHERE (previous_hash IS NOT NULL);

CREATE INDEX api_token_expires ON taskflow.api_token USING btree (expires_at);

CREATE INDEX api_token_hash ON taskflow.api_token USING btree (hash);

CREATE INDEX api_token_user ON taskflow.api_token USING btree (tenant, user_id);

CREATE INDEX attempt_job ON ONLY taskflow.attempt USING btree (tenant, job_id);

CREATE INDEX attempt_default_tenant_job_id_idx ON taskflow.attempt_default USING btree (tenant, job_id);

CREATE INDEX audit_at ON taskflow.audit USING btree (at);

CREATE INDEX batch_finished ON taskflow.batch USING btree (finished_at);

CREATE INDEX batch_job_batch ON taskflow.batch_job USING btree (tenant, batch_id, job_id);

CREATE INDEX claim_batch_worker ON taskflow.claim_batch USING btree (worker_id, id);

CREATE INDEX dead_job_fingerprint ON taskflow.dead_job USING btree (fingerprint, tenant, id);

CREATE INDEX dead_job_finished ON taskflow.dead_job USING btree (finished_at);

CREATE INDEX dependency_child ON taskflow.dependency USING btree (tenant, child_id);

CREATE INDEX dependency_created ON taskflow.dependency USING btree (created_at);

CREATE INDEX idempotency_created ON taskflow.idempotency USING btree (created_at);

CREATE INDEX job_deadline ON taskflow.job USING btree (deadline) WHERE (deadline IS NOT NULL);

CREATE INDEX job_history_id ON ONLY taskflow.job_history USING btree (tenant, id);

CREATE INDEX job_history_default_tenant_id_idx ON taskflow.job_history_default USING btree (tenant, id);

CREATE INDEX job_lane ON taskflow.job USING btree (lane_id, priority, run_at, id) WHERE (lane_id IS NOT NULL);

CREATE INDEX job_log_job ON ONLY taskflow.job_log USING btree (tenant, job_id, seq);

CREATE INDEX job_log_default_tenant_job_id_seq_idx ON taskflow.job_log_default USING btree (tenant, job_id, seq);

CREATE INDEX job_ready ON taskflow.job USING btree (queue, priority, run_at, id);

CREATE INDEX job_suspect ON taskflow.job USING btree (queue, priority, id) WHERE (lost > 0);

CREATE UNIQUE INDEX job_unique ON taskflow.job USING btree (tenant, COALESCE(unique_scope, queue), unique_key) WHERE (unique_key IS NOT NULL);

CREATE INDEX lane_bell_lane ON taskflow.lane_bell USING btree (lane_id, at);

CREATE INDEX lane_bell_queue ON taskflow.lane_bell USING btree (queue, at, lane_id);

CREATE INDEX lane_blocked ON taskflow.lane USING btree (blocked_on, blocked_since) WHERE (blocked_on IS NOT NULL);

CREATE UNIQUE INDEX lane_keys ON taskflow.lane USING btree (tenant, queue, key_ids);

CREATE UNIQUE INDEX limit_key_name ON taskflow.limit_key USING btree (tenant, limit_name, key);

CREATE INDEX limit_permit_key ON taskflow.limit_permit USING btree (key_id);

CREATE INDEX limit_slot_job ON taskflow.limit_slot USING btree (tenant, job_id);

CREATE INDEX limit_start_key ON taskflow.limit_start USING btree (key_id, at);

CREATE INDEX operation_finished ON taskflow.operation USING btree (finished_at);

CREATE INDEX queue_paused ON taskflow.queue USING btree (name) WHERE (paused_at IS NOT NULL);

CREATE INDEX result_chunk_look ON taskflow.result_chunk USING btree (look_at) WHERE (look_at IS NOT NULL);

CREATE INDEX schedule_due ON taskflow.schedule USING btree (next_at) WHERE (paused_at IS NULL);

CREATE INDEX schedule_queued ON taskflow.schedule USING btree (queued_at) WHERE (queued_at IS NOT NULL);

CREATE INDEX schedule_tick_fired ON taskflow.schedule_tick USING btree (fired_at);

CREATE INDEX unique_window_expires ON taskflow.unique_window USING btree (expires_at);

CREATE INDEX webhook_attempt_finished ON taskflow.webhook_attempt USING btree (finished_at);

CREATE INDEX webhook_event_occurred ON taskflow.webhook_event USING btree (occurred_at);

CREATE INDEX workflow_run_finished ON taskflow.workflow_run USING btree (finished_at) WHERE (parent_id IS NULL);

CREATE UNIQUE INDEX workflow_run_key ON taskflow.workflow_run USING btree (tenant, name, key) WHERE (key IS NOT NULL);

CREATE INDEX workflow_run_name ON taskflow.workflow_run USING btree (tenant, name, id);

CREATE INDEX workflow_run_root ON taskflow.workflow_run USING btree (tenant, root_id) WHERE (parent_id IS NOT NULL);

CREATE INDEX workflow_signal_run ON taskflow.workflow_signal USING btree (tenant, run_id);

CREATE INDEX workflow_step_due ON taskflow.workflow_step USING btree (due_at) WHERE (due_at IS NOT NULL);

CREATE INDEX workflow_step_job ON taskflow.workflow_step USING btree (tenant, job_id) WHERE (job_id IS NOT NULL);

CREATE UNIQUE INDEX workflow_version ON taskflow.workflow USING btree (tenant, name, version) WHERE (name IS NOT NULL);

ALTER INDEX taskflow.attempt_job ATTACH PARTITION taskflow.attempt_default_tenant_job_id_idx;

ALTER INDEX taskflow.job_history_id ATTACH PARTITION taskflow.job_history_default_tenant_id_idx;

ALTER INDEX taskflow.job_log_job ATTACH PARTITION taskflow.job_log_default_tenant_job_id_seq_idx;

ALTER INDEX taskflow.stat_10s_pkey ATTACH PARTITION taskflow.stat_10s_default_pkey;

ALTER INDEX taskflow.stat_1h_pkey ATTACH PARTITION taskflow.stat_1h_default_pkey;

ALTER INDEX taskflow.stat_1m_pkey ATTACH PARTITION taskflow.stat_1m_default_pkey;

ALTER TABLE taskflow.api_key ENABLE ROW LEVEL SECURITY;

ALTER TABLE taskflow.api_rate ENABLE ROW LEVEL SECURITY;

ALTER TABLE taskflow.api_token ENABLE ROW LEVEL SECURITY;

ALTER TABLE taskflow.api_user ENABLE ROW LEVEL SECURITY;

ALTER TABLE taskflow.attempt ENABLE ROW LEVEL SECURITY;

ALTER TABLE taskflow.audit ENABLE ROW LEVEL SECURITY;

ALTER TABLE taskflow.batch ENABLE ROW LEVEL SECURITY;

ALTER TABLE taskflow.batch_job ENABLE ROW LEVEL SECURITY;

ALTER TABLE taskflow.claim_batch ENABLE ROW LEVEL SECURITY;

ALTER TABLE taskflow.config ENABLE ROW LEVEL SECURITY;

ALTER TABLE taskflow.dead_job ENABLE ROW LEVEL SECURITY;

ALTER TABLE taskflow.dependency ENABLE ROW LEVEL SECURITY;

CREATE POLICY everybody ON taskflow.api_key USING (true) WITH CHECK (true);

CREATE POLICY everybody ON taskflow.api_rate USING (true) WITH CHECK (true);

CREATE POLICY everybody ON taskflow.api_token USING (true) WITH CHECK (true);

CREATE POLICY everybody ON taskflow.api_user USING (true) WITH CHECK (true);

CREATE POLICY everybody ON taskflow.attempt USING (true) WITH CHECK (true);

CREATE POLICY everybody ON taskflow.audit USING (true) WITH CHECK (true);

CREATE POLICY everybody ON taskflow.batch USING (true) WITH CHECK (true);

CREATE POLICY everybody ON taskflow.batch_job USING (true) WITH CHECK (true);

CREATE POLICY everybody ON taskflow.claim_batch USING (true) WITH CHECK (true);

CREATE POLICY everybody ON taskflow.config USING (true) WITH CHECK (true);

CREATE POLICY everybody ON taskflow.dead_job USING (true) WITH CHECK (true);

CREATE POLICY everybody ON taskflow.dependency USING (true) WITH CHECK (true);

CREATE POLICY everybody ON taskflow.idempotency USING (true) WITH CHECK (true);

CREATE POLICY everybody ON taskflow.job USING (true) WITH CHECK (true);

CREATE POLICY everybody ON taskflow.job_history USING (true) WITH CHECK (true);

CREATE POLICY everybody ON taskflow.job_limit USING (true) WITH CHECK (true);

CREATE POLICY everybody ON taskflow.job_log USING (true) WITH CHECK (true);

CREATE POLICY everybody ON taskflow.job_step USING (true) WITH CHECK (true);

CREATE POLICY everybody ON taskflow.lane USING (true) WITH CHECK (true);

CREATE POLICY everybody ON taskflow.lane_bell USING (true) WITH CHECK (true);

CREATE POLICY everybody ON taskflow.limit_key USING (true) WITH CHECK (true);

CREATE POLICY everybody ON taskflow.limit_permit USING (true) WITH CHECK (true);

CREATE POLICY everybody ON taskflow.limit_slot USING (true) WITH CHECK (true);

CREATE POLICY everybody ON taskflow.limit_start USING (true) WITH CHECK (true);

CREATE POLICY everybody ON taskflow.operation USING (true) WITH CHECK (true);

CREATE POLICY everybody ON taskflow.operation_item USING (true) WITH CHECK (true);

CREATE POLICY everybody ON taskflow.queue USING (true) WITH CHECK (true);

CREATE POLICY everybody ON taskflow.result_chunk USING (true) WITH CHECK (true);

CREATE POLICY everybody ON taskflow.schedule USING (true) WITH CHECK (true);

CREATE POLICY everybody ON taskflow.schedule_tick USING (true) WITH CHECK (true);

CREATE POLICY everybody ON taskflow.signing_key USING (true) WITH CHECK (true);

CREATE POLICY everybody ON taskflow.sql_object USING (true) WITH CHECK (true);

CREATE POLICY everybody ON taskflow.stat_10s USING (true) WITH CHECK (true);

CREATE POLICY everybody ON taskflow.stat_1h USING (true) WITH CHECK (true);

CREATE POLICY everybody ON taskflow.stat_1m USING (true) WITH CHECK (true);

CREATE POLICY everybody ON taskflow.stat_flush USING (true) WITH CHECK (true);

CREATE POLICY everybody ON taskflow.task USING (true) WITH CHECK (true);

CREATE POLICY everybody ON taskflow.tenant USING (true) WITH CHECK (true);

CREATE POLICY everybody ON taskflow.tenant_role USING (true) WITH CHECK (true);

CREATE POLICY everybody ON taskflow.unique_window USING (true) WITH CHECK (true);

CREATE POLICY everybody ON taskflow.waiter USING (true) WITH CHECK (true);

CREATE POLICY everybody ON taskflow.watcher USING (true) WITH CHECK (true);

CREATE POLICY everybody ON taskflow.webhook_attempt USING (true) WITH CHECK (true);

CREATE POLICY everybody ON taskflow.webhook_event USING (true) WITH CHECK (true);

CREATE POLICY everybody ON taskflow.webhook_secret USING (true) WITH CHECK (true);

CREATE POLICY everybody ON taskflow.webhook_source USING (true) WITH CHECK (true);

CREATE POLICY everybody ON taskflow.worker USING (true) WITH CHECK (true);

CREATE POLICY everybody ON taskflow.workflow USING (true) WITH CHECK (true);

CREATE POLICY everybody ON taskflow.workflow_node USING (true) WITH CHECK (true);

CREATE POLICY everybody ON taskflow.workflow_run USING (true) WITH CHECK (true);

CREATE POLICY everybody ON taskflow.workflow_signal USING (true) WITH CHECK (true);

CREATE POLICY everybody ON taskflow.workflow_step USING (true) WITH CHECK (true);

ALTER TABLE taskflow.idempotency ENABLE ROW LEVEL SECURITY;

ALTER TABLE taskflow.job ENABLE ROW LEVEL SECURITY;

ALTER TABLE taskflow.job_history ENABLE ROW LEVEL SECURITY;

ALTER TABLE taskflow.job_limit ENABLE ROW LEVEL SECURITY;

ALTER TABLE taskflow.job_log ENABLE ROW LEVEL SECURITY;

ALTER TABLE taskflow.job_step ENABLE ROW LEVEL SECURITY;

ALTER TABLE taskflow.lane ENABLE ROW LEVEL SECURITY;

ALTER TABLE taskflow.lane_bell ENABLE ROW LEVEL SECURITY;

ALTER TABLE taskflow.limit_key ENABLE ROW LEVEL SECURITY;

ALTER TABLE taskflow.limit_permit ENABLE ROW LEVEL SECURITY;

ALTER TABLE taskflow.limit_slot ENABLE ROW LEVEL SECURITY;

ALTER TABLE taskflow.limit_start ENABLE ROW LEVEL SECURITY;

ALTER TABLE taskflow.operation ENABLE ROW LEVEL SECURITY;

ALTER TABLE taskflow.operation_item ENABLE ROW LEVEL SECURITY;

CREATE POLICY own_queues ON taskflow.dead_job AS RESTRICTIVE TO taskflow_api USING (((taskflow.bound_queues() IS NULL) OR (queue = ANY (taskflow.bound_queues()))));

CREATE POLICY own_queues ON taskflow.job AS RESTRICTIVE TO taskflow_api USING (((taskflow.bound_queues() IS NULL) OR (queue = ANY (taskflow.bound_queues()))));

CREATE POLICY own_queues ON taskflow.job_history AS RESTRICTIVE TO taskflow_api USING (((taskflow.bound_queues() IS NULL) OR (queue = ANY (taskflow.bound_queues()))));

CREATE POLICY own_queues ON taskflow.stat_10s AS RESTRICTIVE TO taskflow_api USING (((taskflow.bound_queues() IS NULL) OR (queue = ANY (taskflow.bound_queues()))));

CREATE POLICY own_queues ON taskflow.stat_1h AS RESTRICTIVE TO taskflow_api USING (((taskflow.bound_queues() IS NULL) OR (queue = ANY (taskflow.bound_queues()))));

CREATE POLICY own_queues ON taskflow.stat_1m AS RESTRICTIVE TO taskflow_api USING (((taskflow.bound_queues() IS NULL) OR (queue = ANY (taskflow.bound_queues()))));

CREATE POLICY own_tenant ON taskflow.api_key AS RESTRICTIVE TO taskflow_api USING ((tenant = taskflow.bound_tenant()));

CREATE POLICY own_tenant ON taskflow.api_rate AS RESTRICTIVE TO taskflow_api USING ((tenant = taskflow.bound_tenant()));

CREATE POLICY own_tenant ON taskflow.api_token AS RESTRICTIVE TO taskflow_api USING ((tenant = taskflow.bound_tenant()));

CREATE POLICY own_tenant ON taskflow.api_user AS RESTRICTIVE TO taskflow_api USING ((tenant = taskflow.bound_tenant()));

CREATE POLICY own_tenant ON taskflow.attempt AS RESTRICTIVE TO taskflow_api USING ((tenant = taskflow.bound_tenant()));

CREATE POLICY own_tenant ON taskflow.audit AS RESTRICTIVE TO taskflow_api USING ((tenant = taskflow.bound_tenant()));

CREATE POLICY own_tenant ON taskflow.batch AS RESTRICTIVE TO taskflow_api USING ((tenant = taskflow.bound_tenant()));

CREATE POLICY own_tenant ON taskflow.batch_job AS RESTRICTIVE TO taskflow_api USING ((tenant = taskflow.bound_tenant()));

CREATE POLICY own_tenant ON taskflow.claim_batch AS RESTRICTIVE TO taskflow_api USING (((tenant = taskflow.bound_tenant()) OR (tenant = 'default'::text)));

CREATE POLICY own_tenant ON taskflow.config AS RESTRICTIVE TO taskflow_api USING (((tenant = taskflow.bound_tenant()) OR (tenant = 'default'::text)));

CREATE POLICY own_tenant ON taskflow.dead_job AS RESTRICTIVE TO taskflow_api USING ((tenant = taskflow.bound_tenant()));

CREATE POLICY own_tenant ON taskflow.dependency AS RESTRICTIVE TO taskflow_api USING ((tenant = taskflow.bound_tenant()));

CREATE POLICY own_tenant ON taskflow.idempotency AS RESTRICTIVE TO taskflow_api USING ((tenant = taskflow.bound_tenant()));

CREATE POLICY own_tenant ON taskflow.job AS RESTRICTIVE TO taskflow_api USING ((tenant = taskflow.bound_tenant()));

CREATE POLICY own_tenant ON taskflow.job_history AS RESTRICTIVE TO taskflow_api USING ((tenant = taskflow.bound_tenant()));

CREATE POLICY own_tenant ON taskflow.job_limit AS RESTRICTIVE TO taskflow_api USING (((tenant = taskflow.bound_tenant()) OR (tenant = 'default'::text)));

CREATE POLICY own_tenant ON taskflow.job_log AS RESTRICTIVE TO taskflow_api USING ((tenant = taskflow.bound_tenant()));

CREATE POLICY own_tenant ON taskflow.job_step AS RESTRICTIVE TO taskflow_api USING ((tenant = taskflow.bound_tenant()));

CREATE POLICY own_tenant ON taskflow.lane AS RESTRICTIVE TO taskflow_api USING ((tenant = taskflow.bound_tenant()));

CREATE POLICY own_tenant ON taskflow.lane_bell AS RESTRICTIVE TO taskflow_api USING ((tenant = taskflow.bound_tenant()));

CREATE POLICY own_tenant ON taskflow.limit_key AS RESTRICTIVE TO taskflow_api USING ((tenant = taskflow.bound_tenant()));

CREATE POLICY own_tenant ON taskflow.limit_permit AS RESTRICTIVE TO taskflow_api USING ((tenant = taskflow.bound_tenant()));

CREATE POLICY own_tenant ON taskflow.limit_slot AS RESTRICTIVE TO taskflow_api USING ((tenant = taskflow.bound_tenant()));

CREATE POLICY own_tenant ON taskflow.limit_start AS RESTRICTIVE TO taskflow_api USING ((tenant = taskflow.bound_tenant()));

CREATE POLICY own_tenant ON taskflow.operation AS RESTRICTIVE TO taskflow_api USING ((tenant = taskflow.bound_tenant()));

CREATE POLICY own_tenant ON taskflow.operation_item AS RESTRICTIVE TO taskflow_api USING ((tenant = taskflow.bound_tenant()));

CREATE POLICY own_tenant ON taskflow.queue AS RESTRICTIVE TO taskflow_api USING ((tenant = taskflow.bound_tenant()));

CREATE POLICY own_tenant ON taskflow.result_chunk AS RESTRICTIVE TO taskflow_api USING ((tenant = taskflow.bound_tenant()));

CREATE POLICY own_tenant ON taskflow.schedule AS RESTRICTIVE TO taskflow_api USING ((tenant = taskflow.bound_tenant()));

CREATE POLICY own_tenant ON taskflow.schedule_tick AS RESTRICTIVE TO taskflow_api USING ((tenant = taskflow.bound_tenant()));

CREATE POLICY own_tenant ON taskflow.signing_key AS RESTRICTIVE TO taskflow_api USING ((tenant = taskflow.bound_tenant()));

CREATE POLICY own_tenant ON taskflow.sql_object AS RESTRICTIVE TO taskflow_api USING ((tenant = taskflow.bound_tenant()));

CREATE POLICY own_tenant ON taskflow.stat_10s AS RESTRICTIVE TO taskflow_api USING ((tenant = taskflow.bound_tenant()));

CREATE POLICY own_tenant ON taskflow.stat_1h AS RESTRICTIVE TO taskflow_api USING ((tenant = taskflow.bound_tenant()));

CREATE POLICY own_tenant ON taskflow.stat_1m AS RESTRICTIVE TO taskflow_api USING ((tenant = taskflow.bound_tenant()));

CREATE POLICY own_tenant ON taskflow.stat_flush AS RESTRICTIVE TO taskflow_api USING ((tenant = taskflow.bound_tenant()));

CREATE POLICY own_tenant ON taskflow.task AS RESTRICTIVE TO taskflow_api USING (((tenant = taskflow.bound_tenant()) OR (tenant = 'default'::text)));

CREATE POLICY own_tenant ON taskflow.tenant AS RESTRICTIVE TO taskflow_api USING (((tenant = taskflow.bound_tenant()) OR (taskflow.bound_tenant() = 'default'::text)));

CREATE POLICY own_tenant ON taskflow.tenant_role AS RESTRICTIVE TO taskflow_api USING ((tenant = taskflow.bound_tenant()));

CREATE POLICY own_tenant ON taskflow.unique_window AS RESTRICTIVE TO taskflow_api USING ((tenant = taskflow.bound_tenant()));

CREATE POLICY own_tenant ON taskflow.waiter AS RESTRICTIVE TO taskflow_api USING (((tenant = taskflow.bound_tenant()) OR (tenant = 'default'::text)));

CREATE POLICY own_tenant ON taskflow.watcher AS RESTRICTIVE TO taskflow_api USING ((tenant = taskflow.bound_tenant()));

CREATE POLICY own_tenant ON taskflow.webhook_attempt AS RESTRICTIVE TO taskflow_api USING ((tenant = taskflow.bound_tenant()));

CREATE POLICY own_tenant ON taskflow.webhook_event AS RESTRICTIVE TO taskflow_api USING ((tenant = taskflow.bound_tenant()));

CREATE POLICY own_tenant ON taskflow.webhook_secret AS RESTRICTIVE TO taskflow_api USING ((tenant = taskflow.bound_tenant()));

CREATE POLICY own_tenant ON taskflow.webhook_source AS RESTRICTIVE TO taskflow_api USING ((tenant = taskflow.bound_tenant()));

CREATE POLICY own_tenant ON taskflow.worker AS RESTRICTIVE TO taskflow_api USING (((tenant = taskflow.bound_tenant()) OR (tenant = 'default'::text)));

CREATE POLICY own_tenant ON taskflow.workflow AS RESTRICTIVE TO taskflow_api USING ((tenant = taskflow.bound_tenant()));

CREATE POLICY own_tenant ON taskflow.workflow_node AS RESTRICTIVE TO taskflow_api USING ((tenant = taskflow.bound_tenant()));

CREATE POLICY own_tenant ON taskflow.workflow_run AS RESTRICTIVE TO taskflow_api USING ((tenant = taskflow.bound_tenant()));

CREATE POLICY own_tenant ON taskflow.workflow_signal AS RESTRICTIVE TO taskflow_api USING ((tenant = taskflow.bound_tenant()));

CREATE POLICY own_tenant ON taskflow.workflow_step AS RESTRICTIVE TO taskflow_api USING ((tenant = taskflow.bound_tenant()));

ALTER TABLE taskflow.queue ENABLE ROW LEVEL SECURITY;

ALTER TABLE taskflow.result_chunk ENABLE ROW LEVEL SECURITY;

ALTER TABLE taskflow.schedule ENABLE ROW LEVEL SECURITY;

ALTER TABLE taskflow.schedule_tick ENABLE ROW LEVEL SECURITY;

ALTER TABLE taskflow.signing_key ENABLE ROW LEVEL SECURITY;

ALTER TABLE taskflow.sql_object ENABLE ROW LEVEL SECURITY;

ALTER TABLE taskflow.stat_10s ENABLE ROW LEVEL SECURITY;

ALTER TABLE taskflow.stat_1h ENABLE ROW LEVEL SECURITY;

ALTER TABLE taskflow.stat_1m ENABLE ROW LEVEL SECURITY;

ALTER TABLE taskflow.stat_flush ENABLE ROW LEVEL SECURITY;

ALTER TABLE taskflow.task ENABLE ROW LEVEL SECURITY;

ALTER TABLE taskflow.tenant ENABLE ROW LEVEL SECURITY;

ALTER TABLE taskflow.tenant_role ENABLE ROW LEVEL SECURITY;

ALTER TABLE taskflow.unique_window ENABLE ROW LEVEL SECURITY;

ALTER TABLE taskflow.waiter ENABLE ROW LEVEL SECURITY;

ALTER TABLE taskflow.watcher ENABLE ROW LEVEL SECURITY;

ALTER TABLE taskflow.webhook_attempt ENABLE ROW LEVEL SECURITY;

ALTER TABLE taskflow.webhook_event ENABLE ROW LEVEL SECURITY;

ALTER TABLE taskflow.webhook_secret ENABLE ROW LEVEL SECURITY;

ALTER TABLE taskflow.webhook_source ENABLE ROW LEVEL SECURITY;

ALTER TABLE taskflow.worker ENABLE ROW LEVEL SECURITY;

ALTER TABLE taskflow.workflow ENABLE ROW LEVEL SECURITY;

ALTER TABLE taskflow.workflow_node ENABLE ROW LEVEL SECURITY;

ALTER TABLE taskflow.workflow_run ENABLE ROW LEVEL SECURITY;

ALTER TABLE taskflow.workflow_signal ENABLE ROW LEVEL SECURITY;

ALTER TABLE taskflow.workflow_step ENABLE ROW LEVEL SECURITY;

GRANT USAGE ON SCHEMA taskflow TO taskflow_producer;
GRANT USAGE ON SCHEMA taskflow TO taskflow_worker;
GRANT USAGE ON SCHEMA taskflow TO taskflow_operator;
GRANT USAGE ON SCHEMA taskflow TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.add_buckets(a integer[], b integer[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.add_stats(resolution text, at timestamp with time zone, lines jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.add_to_batch(batch_id bigint, task text, args jsonb, options jsonb, tenant text, OUT ids bigint[], OUT refused jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.add_to_batch(batch_id bigint, task text, args jsonb, options jsonb, tenant text, OUT ids bigint[], OUT refused jsonb) TO taskflow_producer;
GRANT ALL ON FUNCTION taskflow.add_to_batch(batch_id bigint, task text, args jsonb, options jsonb, tenant text, OUT ids bigint[], OUT refused jsonb) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.add_to_batch(batch_id bigint, task text, args jsonb, options jsonb, tenant text, OUT ids bigint[], OUT refused jsonb) TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.add_to_batch(batch_id bigint, task text, args jsonb, options jsonb, tenant text, OUT ids bigint[], OUT refused jsonb) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.admit_suspects(at_time timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.advance_runs(tenant text, ids bigint[], ended_as text) FROM PUBLIC;

GRANT SELECT ON TABLE taskflow.lane TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.lane TO taskflow_operator;
GRANT SELECT ON TABLE taskflow.lane TO taskflow_api;

GRANT SELECT ON TABLE taskflow.limit_key TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.limit_key TO taskflow_operator;
GRANT SELECT ON TABLE taskflow.limit_key TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.after_turn(lane taskflow.lane, keys taskflow.limit_key[], rooms integer[], taken bigint[], found_less boolean, at_time timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.allow_tenant(role text, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.allow_tenant(role text, tenant text) TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.announce(tenant text, ids bigint[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.append_lines(tenant text, id bigint, claim_no bigint, attempt smallint, lines jsonb, lines_before integer, bytes_before bigint, skip integer) FROM PUBLIC;

GRANT SELECT ON TABLE taskflow.job TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.job TO taskflow_operator;
GRANT SELECT ON TABLE taskflow.job TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.archive(job taskflow.job, state taskflow.job_state, at_time timestamp with time zone, reason text, result jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.args_ok(args jsonb, max_bytes integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.attempt_of(tenant text, id bigint, claim_no bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.backfill_schedule(name text, since timestamp with time zone, until timestamp with time zone, dry_run boolean, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.backfill_schedule(name text, since timestamp with time zone, until timestamp with time zone, dry_run boolean, tenant text) TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.backfill_schedule(name text, since timestamp with time zone, until timestamp with time zone, dry_run boolean, tenant text) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.backoff(attempt integer) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.backoff(attempt integer) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.backoff(attempt integer) TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.batch_callback(callback jsonb, tenant text) FROM PUBLIC;

GRANT SELECT ON TABLE taskflow.workflow_node TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.workflow_node TO taskflow_operator;
GRANT SELECT ON TABLE taskflow.workflow_node TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.begin_wait(tenant text, run_id bigint, node taskflow.workflow_node) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.block_lane(lane taskflow.lane, key_id bigint, at_time timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.bound_queues() FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.bound_queues() TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.bound_tenant() FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.bound_tenant() TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.bring_back(tenant text, ids bigint[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.bury(job taskflow.job, at_time timestamp with time zone, reason text, error jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.caller() FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.caller() TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.can_tell(tenant text, id bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.cancel(id bigint, reason text, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.cancel(id bigint, reason text, tenant text) TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.cancel(id bigint, reason text, tenant text) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.cancel_batch(id bigint, reason text, tenant text, OUT cancelled integer, OUT requested integer, OUT remaining integer) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.cancel_batch(id bigint, reason text, tenant text, OUT cancelled integer, OUT requested integer, OUT remaining integer) TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.cancel_batch(id bigint, reason text, tenant text, OUT cancelled integer, OUT requested integer, OUT remaining integer) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.cancel_jobs(tenant text, ids bigint[], reason text) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.cancel_operation(id bigint, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.cancel_operation(id bigint, tenant text) TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.cancel_operation(id bigint, tenant text) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.cancel_run(id bigint, reason text, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.cancel_run(id bigint, reason text, tenant text) TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.cancel_run(id bigint, reason text, tenant text) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.change_job(old_job taskflow.job, new_job taskflow.job, rule taskflow.unique_rule) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.check_admin_left(tenant text) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.check_args(args jsonb, max_bytes integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.check_bound(queue text) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.check_edges(definition jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.check_headers(headers jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.check_lease(lease interval) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.check_limit(key text, concurrency integer, ordered boolean, rate integer, per interval, burst integer, breaker_failures integer, breaker_window interval, breaker_cooldown interval) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.check_name(kind text, name text) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.check_nesting(tenant text, workflow_id bigint, name text) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.check_options(tenant text, workflow_id bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.check_quota(tenant text, adding integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.check_reads(tenant text, workflow_id bigint, nos integer[], fields text[], places text[], reads text[]) FROM PUBLIC;

GRANT SELECT ON TABLE taskflow.schedule TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.schedule TO taskflow_operator;
GRANT SELECT ON TABLE taskflow.schedule TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.check_schedule(schedule taskflow.schedule) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.check_stats(lines jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.check_tenant(tenant text) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.check_time_zone(name text) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.check_unique(unique_key text, unique_by text[], unique_scope text, unique_while text, unique_for interval, on_conflict text, replace text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.check_user_name(name text) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.check_version(current integer, expected integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.check_webhook(endpoint taskflow.webhook_endpoint) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.check_workflow(definition jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.claim(worker_id bigint, queues text[], slots integer[], lease interval, priorities smallint[], after jsonb, refuse text[], at_most integer, shared integer, is_shared boolean[]) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.claim(worker_id bigint, queues text[], slots integer[], lease interval, priorities smallint[], after jsonb, refuse text[], at_most integer, shared integer, is_shared boolean[]) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.claim(worker_id bigint, queues text[], slots integer[], lease interval, priorities smallint[], after jsonb, refuse text[], at_most integer, shared integer, is_shared boolean[]) TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.claim_lines(queue text, priorities smallint[], batch_id bigint, at_time timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.close_batch(id bigint, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.close_batch(id bigint, tenant text) TO taskflow_producer;
GRANT ALL ON FUNCTION taskflow.close_batch(id bigint, tenant text) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.close_batch(id bigint, tenant text) TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.close_batch(id bigint, tenant text) TO taskflow_api;

GRANT SELECT ON TABLE taskflow.workflow_run TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.workflow_run TO taskflow_operator;
GRANT SELECT ON TABLE taskflow.workflow_run TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.compensate_next(tenant text, run taskflow.workflow_run) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.config(name text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.config(name text) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.config(name text) TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.config(name text) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.count_batches(tenant text, ids bigint[], ended_as text, cancelled bigint[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.create_batch(name text, on_success jsonb, on_failure jsonb, on_finish jsonb, meta jsonb, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.create_batch(name text, on_success jsonb, on_failure jsonb, on_finish jsonb, meta jsonb, tenant text) TO taskflow_producer;
GRANT ALL ON FUNCTION taskflow.create_batch(name text, on_success jsonb, on_failure jsonb, on_finish jsonb, meta jsonb, tenant text) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.create_batch(name text, on_success jsonb, on_failure jsonb, on_finish jsonb, meta jsonb, tenant text) TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.create_batch(name text, on_success jsonb, on_failure jsonb, on_finish jsonb, meta jsonb, tenant text) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.create_key(name text, prefix text, hash bytea, role text, scopes text[], queues text[], rate integer, user_id bigint, expires_at timestamp with time zone, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.create_key(name text, prefix text, hash bytea, role text, scopes text[], queues text[], rate integer, user_id bigint, expires_at timestamp with time zone, tenant text) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.cron_after(fields bigint[], after timestamp with time zone, time_zone text) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.cron_days(fields bigint[], month date) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.cron_fields(expression text) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.cron_item(item text, place integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.cron_next(expression text, after timestamp with time zone, time_zone text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.cron_next(expression text, after timestamp with time zone, time_zone text) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.cron_next(expression text, after timestamp with time zone, time_zone text) TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.cron_next(expression text, after timestamp with time zone, time_zone text) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.cron_walk(fields bigint[], start timestamp without time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.current_tenant() FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.current_tenant() TO taskflow_producer;
GRANT ALL ON FUNCTION taskflow.current_tenant() TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.current_tenant() TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.current_tenant() TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.delete_limit(name text, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.delete_limit(name text, tenant text) TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.delete_limit(name text, tenant text) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.delete_schedule(name text, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.delete_schedule(name text, tenant text) TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.delete_schedule(name text, tenant text) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.delete_source(name text, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.delete_source(name text, tenant text) TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.delete_source(name text, tenant text) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.delete_user(id bigint, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.delete_user(id bigint, tenant text) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.delete_webhook(id bigint, expected_version integer, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.delete_webhook(id bigint, expected_version integer, tenant text) TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.delete_webhook(id bigint, expected_version integer, tenant text) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.disable_webhook(id bigint, reason text, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.disable_webhook(id bigint, reason text, tenant text) TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.disable_webhook(id bigint, reason text, tenant text) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.discard(id bigint, reason text, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.discard(id bigint, reason text, tenant text) TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.discard(id bigint, reason text, tenant text) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.disown(worker_id bigint, known_ids bigint[]) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.disown(worker_id bigint, known_ids bigint[]) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.disown(worker_id bigint, known_ids bigint[]) TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.drain_worker(id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.drain_worker(id bigint) TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.drain_worker(id bigint) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.due_again(lane taskflow.lane, key_id bigint, at_time timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.due_in() FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.due_in() TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.due_in() TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.enable_webhook(id bigint, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.enable_webhook(id bigint, tenant text) TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.enable_webhook(id bigint, tenant text) TO taskflow_api;

GRANT SELECT ON TABLE taskflow.batch TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.batch TO taskflow_operator;
GRANT SELECT ON TABLE taskflow.batch TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.end_batch(batch taskflow.batch) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.end_items(tenant text, ended taskflow.step_end[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.end_runs(tenant text, run_ids bigint[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.end_session(hash bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.end_session(hash bytea) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.end_steps(tenant text, ends taskflow.step_end[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.enqueue(task text, args jsonb, queue text, priority text, run_at timestamp with time zone, delay interval, max_attempts integer, timeout interval, unique_key text, tags text[], meta jsonb, tenant text, deadline timestamp with time zone, unique_by text[], unique_scope text, unique_while text, unique_for interval, on_conflict text, replace text[], depends_on bigint[], on_parent_failure text, args_version integer) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.enqueue(task text, args jsonb, queue text, priority text, run_at timestamp with time zone, delay interval, max_attempts integer, timeout interval, unique_key text, tags text[], meta jsonb, tenant text, deadline timestamp with time zone, unique_by text[], unique_scope text, unique_while text, unique_for interval, on_conflict text, replace text[], depends_on bigint[], on_parent_failure text, args_version integer) TO taskflow_producer;
GRANT ALL ON FUNCTION taskflow.enqueue(task text, args jsonb, queue text, priority text, run_at timestamp with time zone, delay interval, max_attempts integer, timeout interval, unique_key text, tags text[], meta jsonb, tenant text, deadline timestamp with time zone, unique_by text[], unique_scope text, unique_while text, unique_for interval, on_conflict text, replace text[], depends_on bigint[], on_parent_failure text, args_version integer) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.enqueue(task text, args jsonb, queue text, priority text, run_at timestamp with time zone, delay interval, max_attempts integer, timeout interval, unique_key text, tags text[], meta jsonb, tenant text, deadline timestamp with time zone, unique_by text[], unique_scope text, unique_while text, unique_for interval, on_conflict text, replace text[], depends_on bigint[], on_parent_failure text, args_version integer) TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.enqueue(task text, args jsonb, queue text, priority text, run_at timestamp with time zone, delay interval, max_attempts integer, timeout interval, unique_key text, tags text[], meta jsonb, tenant text, deadline timestamp with time zone, unique_by text[], unique_scope text, unique_while text, unique_for interval, on_conflict text, replace text[], depends_on bigint[], on_parent_failure text, args_version integer) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.enqueue_each(template taskflow.job, args jsonb, unique_keys text[], rule taskflow.unique_rule, max_bytes integer, depends_on bigint[], on_parent_failure text, OUT ids bigint[], OUT refused jsonb, OUT outcomes text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.enqueue_job(task text, args jsonb, queue text, priority text, run_at timestamp with time zone, delay interval, max_attempts integer, timeout interval, unique_key text, tags text[], meta jsonb, tenant text, deadline timestamp with time zone, unique_by text[], unique_scope text, unique_while text, unique_for interval, on_conflict text, replace text[], depends_on bigint[], on_parent_failure text, args_version integer, OUT id bigint, OUT outcome text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.enqueue_job(task text, args jsonb, queue text, priority text, run_at timestamp with time zone, delay interval, max_attempts integer, timeout interval, unique_key text, tags text[], meta jsonb, tenant text, deadline timestamp with time zone, unique_by text[], unique_scope text, unique_while text, unique_for interval, on_conflict text, replace text[], depends_on bigint[], on_parent_failure text, args_version integer, OUT id bigint, OUT outcome text) TO taskflow_producer;
GRANT ALL ON FUNCTION taskflow.enqueue_job(task text, args jsonb, queue text, priority text, run_at timestamp with time zone, delay interval, max_attempts integer, timeout interval, unique_key text, tags text[], meta jsonb, tenant text, deadline timestamp with time zone, unique_by text[], unique_scope text, unique_while text, unique_for interval, on_conflict text, replace text[], depends_on bigint[], on_parent_failure text, args_version integer, OUT id bigint, OUT outcome text) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.enqueue_job(task text, args jsonb, queue text, priority text, run_at timestamp with time zone, delay interval, max_attempts integer, timeout interval, unique_key text, tags text[], meta jsonb, tenant text, deadline timestamp with time zone, unique_by text[], unique_scope text, unique_while text, unique_for interval, on_conflict text, replace text[], depends_on bigint[], on_parent_failure text, args_version integer, OUT id bigint, OUT outcome text) TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.enqueue_job(task text, args jsonb, queue text, priority text, run_at timestamp with time zone, delay interval, max_attempts integer, timeout interval, unique_key text, tags text[], meta jsonb, tenant text, deadline timestamp with time zone, unique_by text[], unique_scope text, unique_while text, unique_for interval, on_conflict text, replace text[], depends_on bigint[], on_parent_failure text, args_version integer, OUT id bigint, OUT outcome text) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.enqueue_many(task text, args jsonb, queue text, priority text, run_at timestamp with time zone, delay interval, max_attempts integer, timeout interval, unique_keys text[], tags text[], meta jsonb, tenant text, deadline timestamp with time zone, unique_by text[], unique_scope text, unique_while text, unique_for interval, on_conflict text, replace text[], depends_on bigint[], on_parent_failure text, args_version integer, OUT ids bigint[], OUT refused jsonb, OUT outcomes text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.enqueue_many(task text, args jsonb, queue text, priority text, run_at timestamp with time zone, delay interval, max_attempts integer, timeout interval, unique_keys text[], tags text[], meta jsonb, tenant text, deadline timestamp with time zone, unique_by text[], unique_scope text, unique_while text, unique_for interval, on_conflict text, replace text[], depends_on bigint[], on_parent_failure text, args_version integer, OUT ids bigint[], OUT refused jsonb, OUT outcomes text[]) TO taskflow_producer;
GRANT ALL ON FUNCTION taskflow.enqueue_many(task text, args jsonb, queue text, priority text, run_at timestamp with time zone, delay interval, max_attempts integer, timeout interval, unique_keys text[], tags text[], meta jsonb, tenant text, deadline timestamp with time zone, unique_by text[], unique_scope text, unique_while text, unique_for interval, on_conflict text, replace text[], depends_on bigint[], on_parent_failure text, args_version integer, OUT ids bigint[], OUT refused jsonb, OUT outcomes text[]) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.enqueue_many(task text, args jsonb, queue text, priority text, run_at timestamp with time zone, delay interval, max_attempts integer, timeout interval, unique_keys text[], tags text[], meta jsonb, tenant text, deadline timestamp with time zone, unique_by text[], unique_scope text, unique_while text, unique_for interval, on_conflict text, replace text[], depends_on bigint[], on_parent_failure text, args_version integer, OUT ids bigint[], OUT refused jsonb, OUT outcomes text[]) TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.enqueue_many(task text, args jsonb, queue text, priority text, run_at timestamp with time zone, delay interval, max_attempts integer, timeout interval, unique_keys text[], tags text[], meta jsonb, tenant text, deadline timestamp with time zone, unique_by text[], unique_scope text, unique_while text, unique_for interval, on_conflict text, replace text[], depends_on bigint[], on_parent_failure text, args_version integer, OUT ids bigint[], OUT refused jsonb, OUT outcomes text[]) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.enter_lane(job taskflow.job, at_time timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.evaluate_step(tenant text, run_id bigint, node taskflow.workflow_node, OUT verdict text, OUT args jsonb, OUT items jsonb, OUT said text) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.expand_step(tenant text, run_id bigint, node taskflow.workflow_node, items jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.expire(at_time timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.explain(id bigint, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.explain(id bigint, tenant text) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.explain(id bigint, tenant text) TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.explain(id bigint, tenant text) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.explain_lane(job taskflow.job, at_time timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.explain_parents(tenant text, id bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.explain_run(id bigint, node text, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.explain_run(id bigint, node text, tenant text) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.explain_run(id bigint, node text, tenant text) TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.explain_run(id bigint, node text, tenant text) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.explain_running(worker_id bigint, started_at timestamp with time zone, lease_until timestamp with time zone, cancel_requested boolean, at_time timestamp with time zone, job_id bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.explain_schedule(name text, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.explain_schedule(name text, tenant text) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.explain_schedule(name text, tenant text) TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.explain_schedule(name text, tenant text) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.explain_ties(id bigint, tenant text) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.explain_turn(job taskflow.job, at_time timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.explain_workers(queue text, task text, at_time timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.fill_template(template jsonb, context jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.find_answer(actor text, route text, key text, request_hash bytea, tenant text, OUT standing text, OUT status integer, OUT headers text, OUT body bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.find_answer(actor text, route text, key text, request_hash bytea, tenant text, OUT standing text, OUT status integer, OUT headers text, OUT body bytea) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.find_batch(id bigint, tenant text) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.find_credential(key_hash bytea, user_tenant text, user_id bigint, token_version integer, ticket_hash bytea, at_time timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.find_lane(tenant text, queue text, task text, args jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.find_limit_key(tenant text, limit_name text, key text) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.find_live(id bigint, tenant text) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.find_login(tenant text, name text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.find_login(tenant text, name text) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.find_run(id bigint, tenant text) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.find_schedule(name text, tenant text) FROM PUBLIC;

GRANT SELECT ON TABLE taskflow.webhook_source TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.webhook_source TO taskflow_operator;
GRANT SELECT ON TABLE taskflow.webhook_source TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.find_source(name text, tenant text) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.find_user(tenant text, id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.find_user(tenant text, id bigint) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.find_webhook(id bigint, tenant text, expected_version integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.finished_state(id bigint, tenant text) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.finite(number jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.fire_guarded(schedule taskflow.schedule, at_time timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.fire_one(schedule taskflow.schedule, at_time timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.fire_schedules(OUT fired integer, OUT due_in double precision) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.fire_schedules(OUT fired integer, OUT due_in double precision) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.fire_schedules(OUT fired integer, OUT due_in double precision) TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.fire_tick(schedule taskflow.schedule, tick_at timestamp with time zone, at_time timestamp with time zone, reason text) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.first_admin(hash bytea, lifetime interval) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.first_admin(hash bytea, lifetime interval) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.fit_args(task text, args jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.flush_stats(worker_id bigint, lines jsonb, topics text[], flush_no bigint, hours jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.flush_stats(worker_id bigint, lines jsonb, topics text[], flush_no bigint, hours jsonb) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.flush_stats(worker_id bigint, lines jsonb, topics text[], flush_no bigint, hours jsonb) TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.follow(tenant text, child_id bigint, parent_ids bigint[], on_failure text) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.follow_again(tenant text, id bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.forbid_tenant(role text, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.forbid_tenant(role text, tenant text) TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.free_slots(tenant text, job_ids bigint[], ended text, for_retry boolean) FROM PUBLIC;

GRANT SELECT ON TABLE taskflow.batch_view TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.batch_view TO taskflow_operator;
GRANT SELECT ON TABLE taskflow.batch_view TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.get_batch(id bigint, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.get_batch(id bigint, tenant text) TO taskflow_producer;
GRANT ALL ON FUNCTION taskflow.get_batch(id bigint, tenant text) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.get_batch(id bigint, tenant text) TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.get_batch(id bigint, tenant text) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.now() FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.now() TO taskflow_producer;
GRANT ALL ON FUNCTION taskflow.now() TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.now() TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.now() TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.priority_name(no smallint) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.priority_name(no smallint) TO taskflow_producer;
GRANT ALL ON FUNCTION taskflow.priority_name(no smallint) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.priority_name(no smallint) TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.priority_name(no smallint) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.state_of(state taskflow.job_state, run_at timestamp with time zone, attempt smallint, priority smallint, at_time timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.state_of(state taskflow.job_state, run_at timestamp with time zone, attempt smallint, priority smallint, at_time timestamp with time zone) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.state_of(state taskflow.job_state, run_at timestamp with time zone, attempt smallint, priority smallint, at_time timestamp with time zone) TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.state_of(state taskflow.job_state, run_at timestamp with time zone, attempt smallint, priority smallint, at_time timestamp with time zone) TO taskflow_api;

GRANT SELECT ON TABLE taskflow.dead_job TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.dead_job TO taskflow_operator;
GRANT SELECT ON TABLE taskflow.dead_job TO taskflow_api;

GRANT SELECT ON TABLE taskflow.job_history TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.job_history TO taskflow_operator;
GRANT SELECT ON TABLE taskflow.job_history TO taskflow_api;

GRANT SELECT ON TABLE taskflow.job_view TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.job_view TO taskflow_operator;
GRANT SELECT ON TABLE taskflow.job_view TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.get_job(id bigint, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.get_job(id bigint, tenant text) TO taskflow_producer;
GRANT ALL ON FUNCTION taskflow.get_job(id bigint, tenant text) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.get_job(id bigint, tenant text) TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.get_job(id bigint, tenant text) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.get_logs(id bigint, after_seq bigint, max_lines integer, attempt integer, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.get_logs(id bigint, after_seq bigint, max_lines integer, attempt integer, tenant text) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.get_logs(id bigint, after_seq bigint, max_lines integer, attempt integer, tenant text) TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.get_logs(id bigint, after_seq bigint, max_lines integer, attempt integer, tenant text) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.get_progress(id bigint, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.get_progress(id bigint, tenant text) TO taskflow_producer;
GRANT ALL ON FUNCTION taskflow.get_progress(id bigint, tenant text) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.get_progress(id bigint, tenant text) TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.get_progress(id bigint, tenant text) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.get_result(id bigint, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.get_result(id bigint, tenant text) TO taskflow_producer;
GRANT ALL ON FUNCTION taskflow.get_result(id bigint, tenant text) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.get_result(id bigint, tenant text) TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.get_result(id bigint, tenant text) TO taskflow_api;

GRANT SELECT ON TABLE taskflow.workflow TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.workflow TO taskflow_operator;
GRANT SELECT ON TABLE taskflow.workflow TO taskflow_api;

GRANT SELECT ON TABLE taskflow.run_view TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.run_view TO taskflow_operator;
GRANT SELECT ON TABLE taskflow.run_view TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.get_run(id bigint, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.get_run(id bigint, tenant text) TO taskflow_producer;
GRANT ALL ON FUNCTION taskflow.get_run(id bigint, tenant text) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.get_run(id bigint, tenant text) TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.get_run(id bigint, tenant text) TO taskflow_api;

GRANT SELECT ON TABLE taskflow.workflow_step TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.workflow_step TO taskflow_operator;
GRANT SELECT ON TABLE taskflow.workflow_step TO taskflow_api;

GRANT SELECT ON TABLE taskflow.step_view TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.step_view TO taskflow_operator;
GRANT SELECT ON TABLE taskflow.step_view TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.get_run_steps(run_id bigint, tenant text, max_steps integer, after integer[]) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.get_run_steps(run_id bigint, tenant text, max_steps integer, after integer[]) TO taskflow_producer;
GRANT ALL ON FUNCTION taskflow.get_run_steps(run_id bigint, tenant text, max_steps integer, after integer[]) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.get_run_steps(run_id bigint, tenant text, max_steps integer, after integer[]) TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.get_run_steps(run_id bigint, tenant text, max_steps integer, after integer[]) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.get_steps(id bigint, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.get_steps(id bigint, tenant text) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.get_steps(id bigint, tenant text) TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.get_steps(id bigint, tenant text) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.get_workflow(name text, version integer, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.get_workflow(name text, version integer, tenant text) TO taskflow_producer;
GRANT ALL ON FUNCTION taskflow.get_workflow(name text, version integer, tenant text) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.get_workflow(name text, version integer, tenant text) TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.get_workflow(name text, version integer, tenant text) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.has_limits(tenant text, queue text, task text) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.has_schema_type(type jsonb, value jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.hold_lane(job taskflow.job, limit_name text, until timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.installed(OUT revision text, OUT hashes jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.installed(OUT revision text, OUT hashes jsonb) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.invite(hash bytea, lifetime interval, user_id bigint, for_tenant text, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.invite(hash bytea, lifetime interval, user_id bigint, for_tenant text, tenant text) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.is_accepted(tenant text, run_id bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.is_list(given anyarray) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.is_name(name text) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.is_published(task text) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.is_spent(schedule taskflow.schedule) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.is_suspect(lost integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.issue_token(tenant text, kind text, hash bytea, lifetime interval, user_id bigint, key_id bigint, family text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.issue_token(tenant text, kind text, hash bytea, lifetime interval, user_id bigint, key_id bigint, family text) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.job_template(task text, queue text, priority text, run_at timestamp with time zone, delay interval, max_attempts integer, timeout interval, deadline timestamp with time zone, tags text[], meta jsonb, tenant text) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.join_worker(name text, queues text[], slots integer[], tasks text[], lease interval, host text, pid integer, version text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.join_worker(name text, queues text[], slots integer[], tasks text[], lease interval, host text, pid integer, version text) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.join_worker(name text, queues text[], slots integer[], tasks text[], lease interval, host text, pid integer, version text) TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.keep_answer(actor text, route text, key text, request_hash bytea, status integer, headers jsonb, body bytea, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.keep_answer(actor text, route text, key text, request_hash bytea, status integer, headers jsonb, body bytea, tenant text) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.keep_partitions(parent text, days integer, until timestamp with time zone, span integer, OUT made integer, OUT dropped integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.leave_worker(worker_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.leave_worker(worker_id bigint) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.leave_worker(worker_id bigint) TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.limit_key_name(template text, args jsonb) FROM PUBLIC;

GRANT SELECT ON TABLE taskflow.job_limit TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.job_limit TO taskflow_operator;
GRANT SELECT ON TABLE taskflow.job_limit TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.limit_room(limit_key taskflow.limit_key, rule taskflow.job_limit, at_time timestamp with time zone, OUT room integer, OUT cause text, OUT opens_at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.limit_room(limit_key taskflow.limit_key, rule taskflow.job_limit, at_time timestamp with time zone, OUT room integer, OUT cause text, OUT opens_at timestamp with time zone) TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.limit_room(limit_key taskflow.limit_key, rule taskflow.job_limit, at_time timestamp with time zone, OUT room integer, OUT cause text, OUT opens_at timestamp with time zone) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.limit_weight(rule taskflow.job_limit, args jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.listens_to(types text[], type text) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.live_secrets(tenant text, owner text) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.live_state(tenant text, id bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.local_instants(local_time timestamp without time zone, time_zone text, OUT first_at timestamp with time zone, OUT last_at timestamp with time zone, OUT is_gap boolean) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.lock_ends(ids bigint[], tenants text[], others jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.lock_runs(tenant text, ids bigint[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.log(id bigint, claim_no bigint, lines jsonb, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.log(id bigint, claim_no bigint, lines jsonb, tenant text) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.log(id bigint, claim_no bigint, lines jsonb, tenant text) TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.maintain() FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.maintain() TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.maintain() TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.may_read() FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.may_read() TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.may_read() TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.may_read() TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.may_use(tenant text) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.measure_tenants(at_time timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.meet_holder(new_job taskflow.job, rule taskflow.unique_rule, OUT id bigint, OUT outcome text) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.move_job(id bigint, queue text, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.move_job(id bigint, queue text, tenant text) TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.move_job(id bigint, queue text, tenant text) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.newest_tick(schedule taskflow.schedule, known timestamp with time zone, at_time timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.next_bit(mask bigint, bottom integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.next_due(queues text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.next_due(queues text[]) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.next_due(queues text[]) TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.next_due(queues text[]) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.note_audit(actor text, actor_kind text, actor_id bigint, address text, request text, action text, method text, path text, status integer, target text, detail jsonb, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.note_audit(actor text, actor_kind text, actor_id bigint, address text, request text, action text, method text, path text, status integer, target text, detail jsonb, tenant text) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.note_compensated(tenant text, ended taskflow.step_end[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.note_delivery(id bigint, status integer, error text, duration_ms integer, response_head text, is_last boolean, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.note_delivery(id bigint, status integer, error text, duration_ms integer, response_head text, is_last boolean, tenant text) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.note_delivery(id bigint, status integer, error text, duration_ms integer, response_head text, is_last boolean, tenant text) TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.note_end(tenant text, key_ids bigint[], has_failed boolean) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.note_login(tenant text, id bigint, succeeded boolean, checked_hash text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.note_login(tenant text, id bigint, succeeded boolean, checked_hash text) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.note_queue(tenant text, name text) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.note_tick(schedule taskflow.schedule, tick_at timestamp with time zone, at_time timestamp with time zone, status text, reason text, job_id bigint, until_at timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.open_delivery(id bigint, job_id bigint, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.open_delivery(id bigint, job_id bigint, tenant text) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.open_delivery(id bigint, job_id bigint, tenant text) TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.open_request(address text, key_hash bytea, user_tenant text, user_id bigint, token_version integer, ticket_hash bytea, is_costly boolean, OUT standing text, OUT tenant text, OUT kind text, OUT id bigint, OUT name text, OUT role text, OUT scopes text[], OUT queues text[], OUT version integer, OUT rate integer, OUT used integer, OUT reset_s double precision) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.open_request(address text, key_hash bytea, user_tenant text, user_id bigint, token_version integer, ticket_hash bytea, is_costly boolean, OUT standing text, OUT tenant text, OUT kind text, OUT id bigint, OUT name text, OUT role text, OUT scopes text[], OUT queues text[], OUT version integer, OUT rate integer, OUT used integer, OUT reset_s double precision) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.open_schedule(name text, tenant text) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.open_source(name text, tenant text, OUT scheme text, OUT secrets text[], OUT tolerance interval, OUT headers text[], OUT mapping text, OUT checked_at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.open_source(name text, tenant text, OUT scheme text, OUT secrets text[], OUT tolerance interval, OUT headers text[], OUT mapping text, OUT checked_at timestamp with time zone) TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.open_source(name text, tenant text, OUT scheme text, OUT secrets text[], OUT tolerance interval, OUT headers text[], OUT mapping text, OUT checked_at timestamp with time zone) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.operate(operation_id bigint, after_id bigint, job_ids bigint[], tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.operate(operation_id bigint, after_id bigint, job_ids bigint[], tenant text) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.operate(operation_id bigint, after_id bigint, job_ids bigint[], tenant text) TO taskflow_operator;

GRANT SELECT ON TABLE taskflow.operation TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.operation TO taskflow_operator;
GRANT SELECT ON TABLE taskflow.operation TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.operate_one(operation taskflow.operation, job_id bigint, OUT outcome text, OUT before jsonb, OUT code text, OUT message text) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.options_ok(task text, queue text, run_at timestamp with time zone, at_time timestamp with time zone, max_attempts integer, timeout interval, deadline timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.partition_day(relation name) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.partition_day(relation name) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.partition_day(relation name) TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.partition_day(relation name) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.partition_key(parent text) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.pass_on(limit_key taskflow.limit_key, rule taskflow.job_limit, room integer, at_time timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.paths_in(template jsonb, start text) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.pause_queue(queue text, reason text, resume_at timestamp with time zone, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.pause_queue(queue text, reason text, resume_at timestamp with time zone, tenant text) TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.pause_queue(queue text, reason text, resume_at timestamp with time zone, tenant text) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.pause_schedule(name text, reason text, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.pause_schedule(name text, reason text, tenant text) TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.pause_schedule(name text, reason text, tenant text) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.place_job(new_job taskflow.job, rule taskflow.unique_rule, depends_on bigint[], on_parent_failure text, OUT id bigint, OUT outcome text) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.place_step_jobs(tenant text, jobs taskflow.step_job[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.plain_text(raw text, longest integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.prefill_template(template jsonb, context jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.preview_schedule(name text, cron text, time_zone text, count integer, after timestamp with time zone, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.preview_schedule(name text, cron text, time_zone text, count integer, after timestamp with time zone, tenant text) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.preview_schedule(name text, cron text, time_zone text, count integer, after timestamp with time zone, tenant text) TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.preview_schedule(name text, cron text, time_zone text, count integer, after timestamp with time zone, tenant text) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.priority_no(name text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.priority_no(name text) TO taskflow_producer;
GRANT ALL ON FUNCTION taskflow.priority_no(name text) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.priority_no(name text) TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.priority_no(name text) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.progress(id bigint, claim_no bigint, done double precision, total double precision, note text, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.progress(id bigint, claim_no bigint, done double precision, total double precision, note text, tenant text) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.progress(id bigint, claim_no bigint, done double precision, total double precision, note text, tenant text) TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.progress_said(tenant text, id bigint, claim_no bigint, at_time timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.prune_access(at_time timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.prune_operations(at_time timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.prune_runs(until timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.prune_stats(at_time timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.prune_ticks(at_time timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.prune_ties(at_time timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.prune_webhooks(at_time timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.publish_schedules(declarations jsonb, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.publish_schedules(declarations jsonb, tenant text) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.publish_schedules(declarations jsonb, tenant text) TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.publish_tasks(tasks jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.publish_tasks(tasks jsonb) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.publish_tasks(tasks jsonb) TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.published_version(task text) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.put_back(job taskflow.job, outcome text, at_time timestamp with time zone, delay interval) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.put_in_batch(batch_id bigint, ids bigint[], tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.put_in_batch(batch_id bigint, ids bigint[], tenant text) TO taskflow_producer;
GRANT ALL ON FUNCTION taskflow.put_in_batch(batch_id bigint, ids bigint[], tenant text) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.put_in_batch(batch_id bigint, ids bigint[], tenant text) TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.put_in_batch(batch_id bigint, ids bigint[], tenant text) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.put_result(id bigint, claim_no bigint, place integer, bytes bytea, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.put_result(id bigint, claim_no bigint, place integer, bytes bytea, tenant text) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.put_result(id bigint, claim_no bigint, place integer, bytes bytea, tenant text) TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.put_schedule(name text, task text, args jsonb, cron text, every interval, at timestamp with time zone, time_zone text, queue text, priority text, max_attempts integer, timeout interval, tags text[], meta jsonb, jitter interval, starts_at timestamp with time zone, ends_at timestamp with time zone, max_runs integer, overlap text, catch_up text, catch_up_span interval, paused boolean, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.put_schedule(name text, task text, args jsonb, cron text, every interval, at timestamp with time zone, time_zone text, queue text, priority text, max_attempts integer, timeout interval, tags text[], meta jsonb, jitter interval, starts_at timestamp with time zone, ends_at timestamp with time zone, max_runs integer, overlap text, catch_up text, catch_up_span interval, paused boolean, tenant text) TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.put_schedule(name text, task text, args jsonb, cron text, every interval, at timestamp with time zone, time_zone text, queue text, priority text, max_attempts integer, timeout interval, tags text[], meta jsonb, jitter interval, starts_at timestamp with time zone, ends_at timestamp with time zone, max_runs integer, overlap text, catch_up text, catch_up_span interval, paused boolean, tenant text) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.put_source(name text, task text, scheme text, mapping text, headers text[], queue text, tolerance interval, secret text, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.put_source(name text, task text, scheme text, mapping text, headers text[], queue text, tolerance interval, secret text, tenant text) TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.put_source(name text, task text, scheme text, mapping text, headers text[], queue text, tolerance interval, secret text, tenant text) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.put_tenant(name text, max_live_jobs integer, max_requests integer, max_storage_bytes bigint, disabled boolean, expected integer) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.put_tenant(name text, max_live_jobs integer, max_requests integer, max_storage_bytes bigint, disabled boolean, expected integer) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.put_user(name text, role text, queues text[], disabled boolean, id bigint, expected integer, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.put_user(name text, role text, queues text[], disabled boolean, id bigint, expected integer, tenant text) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.put_webhook(url text, id bigint, description text, types text[], queues text[], tasks text[], headers jsonb, queue text, secret text, expected_version integer, tenant text, OUT webhook_id bigint, OUT version integer, OUT new_secret text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.put_webhook(url text, id bigint, description text, types text[], queues text[], tasks text[], headers jsonb, queue text, secret text, expected_version integer, tenant text, OUT webhook_id bigint, OUT version integer, OUT new_secret text) TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.put_webhook(url text, id bigint, description text, types text[], queues text[], tasks text[], headers jsonb, queue text, secret text, expected_version integer, tenant text, OUT webhook_id bigint, OUT version integer, OUT new_secret text) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.read_path(path text, OUT expression jsonpath, OUT steps text[], OUT uses_item boolean, OUT is_constant boolean, OUT fault text) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.read_pause(given jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.read_workflow(tenant text, workflow_id bigint, definition jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.reap(second_look interval) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.reap(second_look interval) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.reap(second_look interval) TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.receive_webhook(source text, webhook_id text, args jsonb, tenant text, OUT job_id bigint, OUT is_repeat boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.receive_webhook(source text, webhook_id text, args jsonb, tenant text, OUT job_id bigint, OUT is_repeat boolean) TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.receive_webhook(source text, webhook_id text, args jsonb, tenant text, OUT job_id bigint, OUT is_repeat boolean) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.record_attempt(job taskflow.job, outcome text, at_time timestamp with time zone, reason text, error jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.record_many(records jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.record_many(records jsonb) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.record_many(records jsonb) TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.redeliver(tenant text, ids bigint[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.refuse_tenant(tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.refuse_tenant(tenant text) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.refuse_workflow(place text, said text, hint text) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.relane(tenant text, job_ids bigint[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.relane_all(tenant text, queue text, task text) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.release(ids bigint[], claim_nos bigint[], delay interval, tenants text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.release(ids bigint[], claim_nos bigint[], delay interval, tenants text[]) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.release(ids bigint[], claim_nos bigint[], delay interval, tenants text[]) TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.release_dependants(tenant text, parent_ids bigint[], ended_as text, only_child bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.release_followers(tenant text, ended taskflow.step_end[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.release_items(tenant text, run_id bigint, node taskflow.workflow_node, count integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.release_permit(permit_id bigint, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.release_permit(permit_id bigint, tenant text) TO taskflow_producer;
GRANT ALL ON FUNCTION taskflow.release_permit(permit_id bigint, tenant text) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.release_permit(permit_id bigint, tenant text) TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.release_steps(tenant text, steps taskflow.step_ref[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.renew(worker_id bigint, ids bigint[], claim_nos bigint[], lease interval, tenants text[], up_to_batch bigint, report jsonb, after_batch bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.renew(worker_id bigint, ids bigint[], claim_nos bigint[], lease interval, tenants text[], up_to_batch bigint, report jsonb, after_batch bigint) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.renew(worker_id bigint, ids bigint[], claim_nos bigint[], lease interval, tenants text[], up_to_batch bigint, report jsonb, after_batch bigint) TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.renew_permit(permit_id bigint, lease interval, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.renew_permit(permit_id bigint, lease interval, tenant text) TO taskflow_producer;
GRANT ALL ON FUNCTION taskflow.renew_permit(permit_id bigint, lease interval, tenant text) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.renew_permit(permit_id bigint, lease interval, tenant text) TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.reopen_run(tenant text, run_id bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.requeue(fingerprint text, task text, queue text, max_jobs integer, tenant text, OUT requeued integer, OUT conflicts integer) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.requeue(fingerprint text, task text, queue text, max_jobs integer, tenant text, OUT requeued integer, OUT conflicts integer) TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.requeue(fingerprint text, task text, queue text, max_jobs integer, tenant text, OUT requeued integer, OUT conflicts integer) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.reschedule(id bigint, run_at timestamp with time zone, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.reschedule(id bigint, run_at timestamp with time zone, tenant text) TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.reschedule(id bigint, run_at timestamp with time zone, tenant text) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.resend_delivery(id bigint, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.resend_delivery(id bigint, tenant text) TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.resend_delivery(id bigint, tenant text) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.resend_failed(id bigint, since timestamp with time zone, max_deliveries integer, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.resend_failed(id bigint, since timestamp with time zone, max_deliveries integer, tenant text) TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.resend_failed(id bigint, since timestamp with time zone, max_deliveries integer, tenant text) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.result_ok(result jsonb, max_bytes integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.resume_queue(queue text, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.resume_queue(queue text, tenant text) TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.resume_queue(queue text, tenant text) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.resume_run(tenant text, run_id bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.resume_schedule(name text, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.resume_schedule(name text, tenant text) TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.resume_schedule(name text, tenant text) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.retry(id bigint, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.retry(id bigint, tenant text) TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.retry(id bigint, tenant text) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.retry_run(id bigint, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.retry_run(id bigint, tenant text) TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.retry_run(id bigint, tenant text) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.revoke_key(id bigint, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.revoke_key(id bigint, tenant text) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.ring(lane taskflow.lane, at_time timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.ring_waiting(tenant text, key_id bigint, room integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.rotate_key(id bigint, prefix text, hash bytea, overlap interval, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.rotate_key(id bigint, prefix text, hash bytea, overlap interval, tenant text) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.rotate_source_secret(name text, overlap interval, secret text, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.rotate_source_secret(name text, overlap interval, secret text, tenant text) TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.rotate_source_secret(name text, overlap interval, secret text, tenant text) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.rotate_webhook_secret(id bigint, overlap interval, secret text, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.rotate_webhook_secret(id bigint, overlap interval, secret text, tenant text) TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.rotate_webhook_secret(id bigint, overlap interval, secret text, tenant text) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.run_definition(definition jsonb, input jsonb, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.run_definition(definition jsonb, input jsonb, tenant text) TO taskflow_producer;
GRANT ALL ON FUNCTION taskflow.run_definition(definition jsonb, input jsonb, tenant text) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.run_definition(definition jsonb, input jsonb, tenant text) TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.run_definition(definition jsonb, input jsonb, tenant text) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.run_schedule_now(name text, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.run_schedule_now(name text, tenant text) TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.run_schedule_now(name text, tenant text) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.run_tick(schedule taskflow.schedule, tick_at timestamp with time zone, at_time timestamp with time zone, reason text) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.run_timers(at_time timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.save_schedule(schedule taskflow.schedule, old taskflow.schedule) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.save_secret(tenant text, owner text, secret text, overlap interval, free_form boolean) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.save_step(id bigint, claim_no bigint, name text, result jsonb, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.save_step(id bigint, claim_no bigint, name text, result jsonb, tenant text) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.save_step(id bigint, claim_no bigint, name text, result jsonb, tenant text) TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.save_workflow(name text, definition jsonb, tenant text, OUT version integer, OUT outcome text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.save_workflow(name text, definition jsonb, tenant text, OUT version integer, OUT outcome text) TO taskflow_producer;
GRANT ALL ON FUNCTION taskflow.save_workflow(name text, definition jsonb, tenant text, OUT version integer, OUT outcome text) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.save_workflow(name text, definition jsonb, tenant text, OUT version integer, OUT outcome text) TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.save_workflow(name text, definition jsonb, tenant text, OUT version integer, OUT outcome text) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.schedule_from(base taskflow.schedule, given jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.schedule_job(schedule taskflow.schedule, tick_at timestamp with time zone, at_time timestamp with time zone, reason text) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.schedule_orphaned(schedule taskflow.schedule) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.schedule_orphaned(schedule taskflow.schedule) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.schedule_orphaned(schedule taskflow.schedule) TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.schedule_orphaned(schedule taskflow.schedule) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.schedule_state(schedule taskflow.schedule, at_time timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.schedule_state(schedule taskflow.schedule, at_time timestamp with time zone) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.schedule_state(schedule taskflow.schedule, at_time timestamp with time zone) TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.schedule_state(schedule taskflow.schedule, at_time timestamp with time zone) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.schema_problem(schema jsonb, value jsonb, path text, root jsonb, depth integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.send_events(tenant text, drafts taskflow.event_draft[], only_to bigint, but_not bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.serve_lane(lane taskflow.lane, priorities smallint[], most integer, at_time timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.set_limit(name text, queue text, task text, key text, concurrency integer, ordered boolean, rate integer, per interval, burst integer, weight_by text, breaker_failures integer, breaker_window interval, breaker_cooldown interval, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.set_limit(name text, queue text, task text, key text, concurrency integer, ordered boolean, rate integer, per interval, burst integer, weight_by text, breaker_failures integer, breaker_window interval, breaker_cooldown interval, tenant text) TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.set_limit(name text, queue text, task text, key text, concurrency integer, ordered boolean, rate integer, per interval, burst integer, weight_by text, breaker_failures integer, breaker_window interval, breaker_cooldown interval, tenant text) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.set_password(tenant text, id bigint, password_hash text, checked_hash text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.set_password(tenant text, id bigint, password_hash text, checked_hash text) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.set_priority(id bigint, priority text, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.set_priority(id bigint, priority text, tenant text) TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.set_priority(id bigint, priority text, tenant text) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.set_result(id bigint, claim_no bigint, result jsonb, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.set_result(id bigint, claim_no bigint, result jsonb, tenant text) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.set_result(id bigint, claim_no bigint, result jsonb, tenant text) TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.settle(id bigint, claim_no bigint, outcome text, result jsonb, delay interval, reason text, error jsonb, tenant text, until timestamp with time zone, hold_limit text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.settle(id bigint, claim_no bigint, outcome text, result jsonb, delay interval, reason text, error jsonb, tenant text, until timestamp with time zone, hold_limit text) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.settle(id bigint, claim_no bigint, outcome text, result jsonb, delay interval, reason text, error jsonb, tenant text, until timestamp with time zone, hold_limit text) TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.settle_each(others jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.settle_many(ids bigint[], claim_nos bigint[], results jsonb, others jsonb, tenants text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.settle_many(ids bigint[], claim_nos bigint[], results jsonb, others jsonb, tenants text[]) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.settle_many(ids bigint[], claim_nos bigint[], results jsonb, others jsonb, tenants text[]) TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.settled_before(tenant text, id bigint, claim_no bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.signal(run_id bigint, name text, payload jsonb, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.signal(run_id bigint, name text, payload jsonb, tenant text) TO taskflow_producer;
GRANT ALL ON FUNCTION taskflow.signal(run_id bigint, name text, payload jsonb, tenant text) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.signal(run_id bigint, name text, payload jsonb, tenant text) TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.signal(run_id bigint, name text, payload jsonb, tenant text) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.signing_keys(fresh bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.signing_keys(fresh bytea) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.sort_nodes(names text[], parents integer[], children integer[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.span_text(span interval) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.start_children(tenant text, steps taskflow.step_job[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.start_definition(tenant text, workflow_id bigint, name text, input jsonb, key text, OUT id bigint, OUT outcome text) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.start_operation(verb text, filter jsonb, params jsonb, rate integer, reason text, up_to bigint, expected bigint, queue text, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.start_operation(verb text, filter jsonb, params jsonb, rate integer, reason text, up_to bigint, expected bigint, queue text, tenant text) TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.start_operation(verb text, filter jsonb, params jsonb, rate integer, reason text, up_to bigint, expected bigint, queue text, tenant text) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.start_run(tenant text, workflow_id bigint, name text, input jsonb, key text, parent taskflow.workflow_run, node integer, place integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.start_workflow(name text, input jsonb, version integer, key text, tenant text, OUT id bigint, OUT outcome text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.start_workflow(name text, input jsonb, version integer, key text, tenant text, OUT id bigint, OUT outcome text) TO taskflow_producer;
GRANT ALL ON FUNCTION taskflow.start_workflow(name text, input jsonb, version integer, key text, tenant text, OUT id bigint, OUT outcome text) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.start_workflow(name text, input jsonb, version integer, key text, tenant text, OUT id bigint, OUT outcome text) TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.start_workflow(name text, input jsonb, version integer, key text, tenant text, OUT id bigint, OUT outcome text) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.stat_bounds() FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.stat_bounds() TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.stat_bounds() TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.stat_bounds() TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.stat_percentile(buckets bigint[], q double precision) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.stat_percentile(buckets bigint[], q double precision) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.stat_percentile(buckets bigint[], q double precision) TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.stat_percentile(buckets bigint[], q double precision) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.step_context(tenant text, run_id bigint, reads integer[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.still_stand(tenants text[], kinds text[], ids bigint[], token_versions integer[]) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.still_stand(tenants text[], kinds text[], ids bigint[], token_versions integer[]) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.stop_failed(tenant text, ended taskflow.step_end[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.stop_run(tenant text, run_id bigint, ending text, reason text) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.stop_waiting(worker_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.stop_waiting(worker_id bigint) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.stop_waiting(worker_id bigint) TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.store_workflow(tenant text, name text, version integer, definition jsonb, hash text) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.sweep_records(at_time timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.take_from_lane(lane taskflow.lane, priorities smallint[], most integer, keys taskflow.limit_key[], rules taskflow.job_limit[], INOUT rooms integer[], only_id bigint, at_time timestamp with time zone, OUT ids bigint[], OUT places tid[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.take_from_lanes(queue text, priorities smallint[], most integer, at_time timestamp with time zone, paused text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.take_permit(limit_name text, key text, weight integer, lease interval, holder text, tenant text, OUT permit_id bigint, OUT retry_after interval) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.take_permit(limit_name text, key text, weight integer, lease interval, holder text, tenant text, OUT permit_id bigint, OUT retry_after interval) TO taskflow_producer;
GRANT ALL ON FUNCTION taskflow.take_permit(limit_name text, key text, weight integer, lease interval, holder text, tenant text, OUT permit_id bigint, OUT retry_after interval) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.take_permit(limit_name text, key text, weight integer, lease interval, holder text, tenant text, OUT permit_id bigint, OUT retry_after interval) TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.tell_endpoints(tenant text, ids bigint[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.tell_event(tenant text, type text, data jsonb, queue text, but_not bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.tell_followers(tenant text, ids bigint[], ended_as text) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.tenant_of(tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.tenant_of(tenant text) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.test_webhook(id bigint, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.test_webhook(id bigint, tenant text) TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.test_webhook(id bigint, tenant text) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.tick_after(schedule taskflow.schedule, after timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.tick_text(tick_at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.tick_text(tick_at timestamp with time zone) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.tick_text(tick_at timestamp with time zone) TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.tick_text(tick_at timestamp with time zone) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.tidy(at_time timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.undo_one(operation taskflow.operation, job_id bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.undo_operation(id bigint, reason text, queue text, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.undo_operation(id bigint, reason text, queue text, tenant text) TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.undo_operation(id bigint, reason text, queue text, tenant text) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.unique_key_of(args jsonb, fields text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.unique_scope_of(unique_scope text, unique_by text[], task text) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.use_api_rate(tenant text, subject text, at_time timestamp with time zone, OUT used integer, OUT reset_s double precision) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.use_limit(limit_key taskflow.limit_key, rule taskflow.job_limit, job_ids bigint[], weights integer[], at_time timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.use_rate(limit_key taskflow.limit_key, rule taskflow.job_limit, weight integer, at_time timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.use_token(kind text, hash bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.use_token(kind text, hash bytea) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.wait_for_work(worker_id bigint, queues text[], patience interval) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.wait_for_work(worker_id bigint, queues text[], patience interval) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.wait_for_work(worker_id bigint, queues text[], patience interval) TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.wake(queue text) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.was_settled(id bigint, claim_no bigint, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.was_settled(id bigint, claim_no bigint, tenant text) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.was_settled(id bigint, claim_no bigint, tenant text) TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.watch(id bigint, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.watch(id bigint, tenant text) TO taskflow_producer;
GRANT ALL ON FUNCTION taskflow.watch(id bigint, tenant text) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.watch(id bigint, tenant text) TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.watch(id bigint, tenant text) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.webhook_secret(id bigint, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.webhook_secret(id bigint, tenant text) TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.webhook_stats(id bigint, since timestamp with time zone, tenant text, OUT pending bigint, OUT delivered bigint, OUT failed bigint, OUT gone bigint, OUT skipped bigint, OUT attempts bigint, OUT median_ms integer, OUT p95_ms integer, OUT last_delivered_at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.webhook_stats(id bigint, since timestamp with time zone, tenant text, OUT pending bigint, OUT delivered bigint, OUT failed bigint, OUT gone bigint, OUT skipped bigint, OUT attempts bigint, OUT median_ms integer, OUT p95_ms integer, OUT last_delivered_at timestamp with time zone) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.webhook_stats(id bigint, since timestamp with time zone, tenant text, OUT pending bigint, OUT delivered bigint, OUT failed bigint, OUT gone bigint, OUT skipped bigint, OUT attempts bigint, OUT median_ms integer, OUT p95_ms integer, OUT last_delivered_at timestamp with time zone) TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.webhook_stats(id bigint, since timestamp with time zone, tenant text, OUT pending bigint, OUT delivered bigint, OUT failed bigint, OUT gone bigint, OUT skipped bigint, OUT attempts bigint, OUT median_ms integer, OUT p95_ms integer, OUT last_delivered_at timestamp with time zone) TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.webhook_types() FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.webhook_types() TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.webhook_types() TO taskflow_operator;
GRANT ALL ON FUNCTION taskflow.webhook_types() TO taskflow_api;

REVOKE ALL ON FUNCTION taskflow.write_record(item jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.zone_change(low timestamp with time zone, high timestamp with time zone, time_zone text) FROM PUBLIC;

GRANT SELECT ON TABLE taskflow.alembic_version TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.alembic_version TO taskflow_operator;

GRANT SELECT(tenant) ON TABLE taskflow.api_key TO taskflow_api;

GRANT SELECT(id) ON TABLE taskflow.api_key TO taskflow_api;

GRANT SELECT(name) ON TABLE taskflow.api_key TO taskflow_api;

GRANT SELECT(prefix) ON TABLE taskflow.api_key TO taskflow_api;

GRANT SELECT(previous_until) ON TABLE taskflow.api_key TO taskflow_api;

GRANT SELECT(role) ON TABLE taskflow.api_key TO taskflow_api;

GRANT SELECT(scopes) ON TABLE taskflow.api_key TO taskflow_api;

GRANT SELECT(queues) ON TABLE taskflow.api_key TO taskflow_api;

GRANT SELECT(rate) ON TABLE taskflow.api_key TO taskflow_api;

GRANT SELECT(user_id) ON TABLE taskflow.api_key TO taskflow_api;

GRANT SELECT(expires_at) ON TABLE taskflow.api_key TO taskflow_api;

GRANT SELECT(revoked_at) ON TABLE taskflow.api_key TO taskflow_api;

GRANT SELECT(last_used_at) ON TABLE taskflow.api_key TO taskflow_api;

GRANT SELECT(last_used_from) ON TABLE taskflow.api_key TO taskflow_api;

GRANT SELECT(created_at) ON TABLE taskflow.api_key TO taskflow_api;

GRANT SELECT(created_by) ON TABLE taskflow.api_key TO taskflow_api;

GRANT SELECT(version) ON TABLE taskflow.api_key TO taskflow_api;

GRANT SELECT(tenant) ON TABLE taskflow.api_rate TO taskflow_api;

GRANT SELECT(tenant) ON TABLE taskflow.api_token TO taskflow_api;

GRANT SELECT(tenant) ON TABLE taskflow.api_user TO taskflow_api;

GRANT SELECT(id) ON TABLE taskflow.api_user TO taskflow_api;

GRANT SELECT(name) ON TABLE taskflow.api_user TO taskflow_api;

GRANT SELECT(role) ON TABLE taskflow.api_user TO taskflow_api;

GRANT SELECT(queues) ON TABLE taskflow.api_user TO taskflow_api;

GRANT SELECT(locked_until) ON TABLE taskflow.api_user TO taskflow_api;

GRANT SELECT(disabled_at) ON TABLE taskflow.api_user TO taskflow_api;

GRANT SELECT(last_login_at) ON TABLE taskflow.api_user TO taskflow_api;

GRANT SELECT(created_at) ON TABLE taskflow.api_user TO taskflow_api;

GRANT SELECT(created_by) ON TABLE taskflow.api_user TO taskflow_api;

GRANT SELECT(version) ON TABLE taskflow.api_user TO taskflow_api;

GRANT SELECT ON TABLE taskflow.attempt TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.attempt TO taskflow_operator;
GRANT SELECT ON TABLE taskflow.attempt TO taskflow_api;

GRANT SELECT ON TABLE taskflow.attempt_default TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.attempt_default TO taskflow_operator;

GRANT SELECT ON TABLE taskflow.audit TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.audit TO taskflow_operator;
GRANT SELECT ON TABLE taskflow.audit TO taskflow_api;

GRANT SELECT ON TABLE taskflow.batch_job TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.batch_job TO taskflow_operator;
GRANT SELECT ON TABLE taskflow.batch_job TO taskflow_api;

GRANT SELECT ON TABLE taskflow.claim_batch TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.claim_batch TO taskflow_operator;
GRANT SELECT ON TABLE taskflow.claim_batch TO taskflow_api;

GRANT SELECT ON TABLE taskflow.config TO taskflow_worker;
GRANT SELECT,UPDATE ON TABLE taskflow.config TO taskflow_operator;
GRANT SELECT ON TABLE taskflow.config TO taskflow_api;

GRANT SELECT ON TABLE taskflow.dependency TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.dependency TO taskflow_operator;
GRANT SELECT ON TABLE taskflow.dependency TO taskflow_api;

GRANT SELECT(tenant) ON TABLE taskflow.idempotency TO taskflow_api;

GRANT SELECT ON TABLE taskflow.job_history_default TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.job_history_default TO taskflow_operator;

GRANT SELECT ON TABLE taskflow.job_log TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.job_log TO taskflow_operator;
GRANT SELECT ON TABLE taskflow.job_log TO taskflow_api;

GRANT SELECT ON TABLE taskflow.job_log_default TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.job_log_default TO taskflow_operator;

GRANT SELECT ON TABLE taskflow.job_step TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.job_step TO taskflow_operator;
GRANT SELECT ON TABLE taskflow.job_step TO taskflow_api;

GRANT SELECT ON TABLE taskflow.lane_bell TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.lane_bell TO taskflow_operator;
GRANT SELECT ON TABLE taskflow.lane_bell TO taskflow_api;

GRANT SELECT ON TABLE taskflow.limit_permit TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.limit_permit TO taskflow_operator;
GRANT SELECT ON TABLE taskflow.limit_permit TO taskflow_api;

GRANT SELECT ON TABLE taskflow.limit_slot TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.limit_slot TO taskflow_operator;
GRANT SELECT ON TABLE taskflow.limit_slot TO taskflow_api;

GRANT SELECT ON TABLE taskflow.limit_start TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.limit_start TO taskflow_operator;
GRANT SELECT ON TABLE taskflow.limit_start TO taskflow_api;

GRANT SELECT ON TABLE taskflow.operation_item TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.operation_item TO taskflow_operator;
GRANT SELECT ON TABLE taskflow.operation_item TO taskflow_api;

GRANT SELECT ON TABLE taskflow.queue TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.queue TO taskflow_operator;
GRANT SELECT ON TABLE taskflow.queue TO taskflow_api;

GRANT SELECT ON TABLE taskflow.result_chunk TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.result_chunk TO taskflow_operator;
GRANT SELECT ON TABLE taskflow.result_chunk TO taskflow_api;

GRANT SELECT ON TABLE taskflow.schedule_tick TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.schedule_tick TO taskflow_operator;
GRANT SELECT ON TABLE taskflow.schedule_tick TO taskflow_api;

GRANT SELECT ON TABLE taskflow.schedule_view TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.schedule_view TO taskflow_operator;
GRANT SELECT ON TABLE taskflow.schedule_view TO taskflow_api;

GRANT SELECT(tenant) ON TABLE taskflow.signing_key TO taskflow_api;

GRANT SELECT ON TABLE taskflow.sql_object TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.sql_object TO taskflow_operator;
GRANT SELECT ON TABLE taskflow.sql_object TO taskflow_api;

GRANT SELECT ON TABLE taskflow.stat_10s TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.stat_10s TO taskflow_operator;
GRANT SELECT ON TABLE taskflow.stat_10s TO taskflow_api;

GRANT SELECT ON TABLE taskflow.stat_10s_default TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.stat_10s_default TO taskflow_operator;

GRANT SELECT ON TABLE taskflow.stat_1h TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.stat_1h TO taskflow_operator;
GRANT SELECT ON TABLE taskflow.stat_1h TO taskflow_api;

GRANT SELECT ON TABLE taskflow.stat_1h_default TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.stat_1h_default TO taskflow_operator;

GRANT SELECT ON TABLE taskflow.stat_1m TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.stat_1m TO taskflow_operator;
GRANT SELECT ON TABLE taskflow.stat_1m TO taskflow_api;

GRANT SELECT ON TABLE taskflow.stat_1m_default TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.stat_1m_default TO taskflow_operator;

GRANT SELECT ON TABLE taskflow.stat_flush TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.stat_flush TO taskflow_operator;
GRANT SELECT ON TABLE taskflow.stat_flush TO taskflow_api;

GRANT SELECT ON TABLE taskflow.stats_10s TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.stats_10s TO taskflow_operator;
GRANT SELECT ON TABLE taskflow.stats_10s TO taskflow_api;

GRANT SELECT ON TABLE taskflow.stats_1h TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.stats_1h TO taskflow_operator;
GRANT SELECT ON TABLE taskflow.stats_1h TO taskflow_api;

GRANT SELECT ON TABLE taskflow.stats_1m TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.stats_1m TO taskflow_operator;
GRANT SELECT ON TABLE taskflow.stats_1m TO taskflow_api;

GRANT SELECT ON TABLE taskflow.task TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.task TO taskflow_operator;
GRANT SELECT ON TABLE taskflow.task TO taskflow_api;

GRANT SELECT ON TABLE taskflow.tenant TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.tenant TO taskflow_operator;
GRANT SELECT ON TABLE taskflow.tenant TO taskflow_api;

GRANT SELECT ON TABLE taskflow.tenant_role TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.tenant_role TO taskflow_operator;
GRANT SELECT ON TABLE taskflow.tenant_role TO taskflow_api;

GRANT SELECT ON TABLE taskflow.unique_window TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.unique_window TO taskflow_operator;
GRANT SELECT ON TABLE taskflow.unique_window TO taskflow_api;

GRANT SELECT ON TABLE taskflow.waiter TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.waiter TO taskflow_operator;
GRANT SELECT ON TABLE taskflow.waiter TO taskflow_api;

GRANT SELECT ON TABLE taskflow.watcher TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.watcher TO taskflow_operator;
GRANT SELECT ON TABLE taskflow.watcher TO taskflow_api;

GRANT SELECT ON TABLE taskflow.webhook_attempt TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.webhook_attempt TO taskflow_operator;
GRANT SELECT ON TABLE taskflow.webhook_attempt TO taskflow_api;

GRANT SELECT ON TABLE taskflow.webhook_event TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.webhook_event TO taskflow_operator;
GRANT SELECT ON TABLE taskflow.webhook_event TO taskflow_api;

GRANT SELECT(tenant) ON TABLE taskflow.webhook_secret TO taskflow_api;

GRANT SELECT ON TABLE taskflow.worker TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.worker TO taskflow_operator;
GRANT SELECT ON TABLE taskflow.worker TO taskflow_api;

GRANT SELECT ON TABLE taskflow.workflow_signal TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.workflow_signal TO taskflow_operator;
GRANT SELECT ON TABLE taskflow.workflow_signal TO taskflow_api;
