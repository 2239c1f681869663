-- The schema as PostgreSQL 18 dumps it from a fresh database, functions by their rights only.
-- Written by `make schema`; do not edit.

CREATE SCHEMA taskflow;

CREATE TYPE taskflow.job_state AS ENUM (
    'blocked',
    'ready',
    'running',
    'succeeded',
    'cancelled',
    'dead'
);

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
    meta jsonb
)
WITH (fillfactor='50', autovacuum_vacuum_scale_factor='0.01', autovacuum_vacuum_threshold='5000', autovacuum_analyze_scale_factor='0.02', autovacuum_analyze_threshold='5000', autovacuum_vacuum_insert_scale_factor='0.2', autovacuum_vacuum_cost_delay='0');

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
    fingerprint text COLLATE pg_catalog."C"
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
    result jsonb
)
PARTITION BY RANGE (finished_at);

CREATE VIEW taskflow.job_view WITH (security_invoker='true') AS
 SELECT j.tenant,
    j.id,
    taskflow.state_of(j.state, j.run_at, j.attempt, taskflow.now()) AS state,
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

CREATE TABLE taskflow.alembic_version (
    version_num character varying(32) NOT NULL
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
    meaning text NOT NULL
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
    result jsonb
);

ALTER TABLE taskflow.job ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME taskflow.job_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
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

CREATE TABLE taskflow.sql_object (
    tenant text DEFAULT 'default'::text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    source_hash text NOT NULL,
    server_hash text NOT NULL
);

CREATE TABLE taskflow.task (
    tenant text DEFAULT 'default'::text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    queue text,
    priority smallint,
    max_attempts smallint,
    timeout interval,
    args_schema jsonb,
    published_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
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

ALTER TABLE ONLY taskflow.attempt ATTACH PARTITION taskflow.attempt_default DEFAULT;

ALTER TABLE ONLY taskflow.job_history ATTACH PARTITION taskflow.job_history_default DEFAULT;

ALTER TABLE ONLY taskflow.job_log ATTACH PARTITION taskflow.job_log_default DEFAULT;

ALTER TABLE ONLY taskflow.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);

ALTER TABLE ONLY taskflow.claim_batch
    ADD CONSTRAINT claim_batch_pkey PRIMARY KEY (tenant, id);

ALTER TABLE ONLY taskflow.config
    ADD CONSTRAINT config_pkey PRIMARY KEY (tenant, name);

ALTER TABLE ONLY taskflow.dead_job
    ADD CONSTRAINT dead_job_pkey PRIMARY KEY (tenant, id);

ALTER TABLE ONLY taskflow.job
    ADD CONSTRAINT job_pkey PRIMARY KEY (tenant, id);

ALTER TABLE ONLY taskflow.job_step
    ADD CONSTRAINT job_step_pkey PRIMARY KEY (tenant, job_id, name);

ALTER TABLE ONLY taskflow.queue
    ADD CONSTRAINT queue_pkey PRIMARY KEY (tenant, name);

ALTER TABLE ONLY taskflow.result_chunk
    ADD CONSTRAINT result_chunk_pkey PRIMARY KEY (tenant, job_id, claim_no, place);

ALTER TABLE ONLY taskflow.sql_object
    ADD CONSTRAINT sql_object_pkey PRIMARY KEY (tenant, name);

ALTER TABLE ONLY taskflow.task
    ADD CONSTRAINT task_pkey PRIMARY KEY (tenant, name);

ALTER TABLE ONLY taskflow.waiter
    ADD CONSTRAINT waiter_pkey PRIMARY KEY (tenant, queue, worker_id);

ALTER TABLE ONLY taskflow.watcher
    ADD CONSTRAINT watcher_pkey PRIMARY KEY (tenant, job_id);

ALTER TABLE ONLY taskflow.worker
    ADD CONSTRAINT worker_pkey PRIMARY KEY (tenant, id);

CREATE INDEX attempt_job ON ONLY taskflow.attempt USING btree (tenant, job_id);

CREATE INDEX attempt_default_tenant_job_id_idx ON taskflow.attempt_default USING btree (tenant, job_id);

CREATE INDEX claim_batch_worker ON taskflow.claim_batch USING btree (worker_id, id);

CREATE INDEX dead_job_fingerprint ON taskflow.dead_job USING btree (fingerprint, tenant, id);

CREATE INDEX dead_job_finished ON taskflow.dead_job USING btree (finished_at);

CREATE INDEX job_deadline ON taskflow.job USING btree (deadline) WHERE (deadline IS NOT NULL);

CREATE INDEX job_history_id ON ONLY taskflow.job_history USING btree (tenant, id);

CREATE INDEX job_history_default_tenant_id_idx ON taskflow.job_history_default USING btree (tenant, id);

CREATE INDEX job_log_job ON ONLY taskflow.job_log USING btree (tenant, job_id, seq);

CREATE INDEX job_log_default_tenant_job_id_seq_idx ON taskflow.job_log_default USING btree (tenant, job_id, seq);

CREATE INDEX job_ready ON taskflow.job USING btree (queue, priority, run_at, id);

CREATE UNIQUE INDEX job_unique ON taskflow.job USING btree (tenant, queue, unique_key) WHERE (unique_key IS NOT NULL);

CREATE INDEX queue_paused ON taskflow.queue USING btree (name) WHERE (paused_at IS NOT NULL);

CREATE INDEX result_chunk_look ON taskflow.result_chunk USING btree (look_at) WHERE (look_at IS NOT NULL);

ALTER INDEX taskflow.attempt_job ATTACH PARTITION taskflow.attempt_default_tenant_job_id_idx;

ALTER INDEX taskflow.job_history_id ATTACH PARTITION taskflow.job_history_default_tenant_id_idx;

ALTER INDEX taskflow.job_log_job ATTACH PARTITION taskflow.job_log_default_tenant_job_id_seq_idx;

GRANT USAGE ON SCHEMA taskflow TO taskflow_producer;
GRANT USAGE ON SCHEMA taskflow TO taskflow_worker;
GRANT USAGE ON SCHEMA taskflow TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.add_partitions(parent text, days integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.announce(tenant text, ids bigint[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.append_lines(tenant text, id bigint, claim_no bigint, attempt smallint, lines jsonb, lines_before integer, bytes_before bigint, skip integer) FROM PUBLIC;

GRANT SELECT ON TABLE taskflow.job TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.job TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.archive(job taskflow.job, state taskflow.job_state, at_time timestamp with time zone, reason text, result jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.args_ok(args jsonb, max_bytes integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.attempt_of(tenant text, id bigint, claim_no bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.backoff(attempt integer) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.backoff(attempt integer) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.backoff(attempt integer) TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.bury(job taskflow.job, at_time timestamp with time zone, reason text, error jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.cancel(id bigint, reason text, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.cancel(id bigint, reason text, tenant text) TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.check_args(args jsonb, max_bytes integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.check_clock() FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.check_lease(lease interval) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.check_name(kind text, name text) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.claim(worker_id bigint, queues text[], slots integer[], lease interval, priorities smallint[], after jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.claim(worker_id bigint, queues text[], slots integer[], lease interval, priorities smallint[], after jsonb) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.claim(worker_id bigint, queues text[], slots integer[], lease interval, priorities smallint[], after jsonb) TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.config(name text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.config(name text) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.config(name text) TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.current_tenant() FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.current_tenant() TO taskflow_producer;
GRANT ALL ON FUNCTION taskflow.current_tenant() TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.current_tenant() TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.discard(id bigint, reason text, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.discard(id bigint, reason text, tenant text) TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.disown(worker_id bigint, known_ids bigint[]) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.disown(worker_id bigint, known_ids bigint[]) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.disown(worker_id bigint, known_ids bigint[]) TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.drop_partitions(parent text, until timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.enqueue(task text, args jsonb, queue text, priority text, run_at timestamp with time zone, delay interval, max_attempts integer, timeout interval, unique_key text, tags text[], meta jsonb, tenant text, deadline timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.enqueue(task text, args jsonb, queue text, priority text, run_at timestamp with time zone, delay interval, max_attempts integer, timeout interval, unique_key text, tags text[], meta jsonb, tenant text, deadline timestamp with time zone) TO taskflow_producer;
GRANT ALL ON FUNCTION taskflow.enqueue(task text, args jsonb, queue text, priority text, run_at timestamp with time zone, delay interval, max_attempts integer, timeout interval, unique_key text, tags text[], meta jsonb, tenant text, deadline timestamp with time zone) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.enqueue(task text, args jsonb, queue text, priority text, run_at timestamp with time zone, delay interval, max_attempts integer, timeout interval, unique_key text, tags text[], meta jsonb, tenant text, deadline timestamp with time zone) TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.enqueue_each(template taskflow.job, args jsonb, unique_keys text[], max_bytes integer, OUT ids bigint[], OUT refused jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.enqueue_many(task text, args jsonb, queue text, priority text, run_at timestamp with time zone, delay interval, max_attempts integer, timeout interval, unique_keys text[], tags text[], meta jsonb, tenant text, deadline timestamp with time zone, OUT ids bigint[], OUT refused jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.enqueue_many(task text, args jsonb, queue text, priority text, run_at timestamp with time zone, delay interval, max_attempts integer, timeout interval, unique_keys text[], tags text[], meta jsonb, tenant text, deadline timestamp with time zone, OUT ids bigint[], OUT refused jsonb) TO taskflow_producer;
GRANT ALL ON FUNCTION taskflow.enqueue_many(task text, args jsonb, queue text, priority text, run_at timestamp with time zone, delay interval, max_attempts integer, timeout interval, unique_keys text[], tags text[], meta jsonb, tenant text, deadline timestamp with time zone, OUT ids bigint[], OUT refused jsonb) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.enqueue_many(task text, args jsonb, queue text, priority text, run_at timestamp with time zone, delay interval, max_attempts integer, timeout interval, unique_keys text[], tags text[], meta jsonb, tenant text, deadline timestamp with time zone, OUT ids bigint[], OUT refused jsonb) TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.expire(at_time timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.explain(id bigint, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.explain(id bigint, tenant text) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.explain(id bigint, tenant text) TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.explain_running(worker_id bigint, started_at timestamp with time zone, lease_until timestamp with time zone, cancel_requested boolean, at_time timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.explain_workers(queue text, task text, at_time timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.find_live(id bigint, tenant text) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.finished_state(id bigint, tenant text) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.finite(number jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.now() FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.now() TO taskflow_producer;
GRANT ALL ON FUNCTION taskflow.now() TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.now() TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.priority_name(no smallint) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.priority_name(no smallint) TO taskflow_producer;
GRANT ALL ON FUNCTION taskflow.priority_name(no smallint) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.priority_name(no smallint) TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.state_of(state taskflow.job_state, run_at timestamp with time zone, attempt smallint, at_time timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.state_of(state taskflow.job_state, run_at timestamp with time zone, attempt smallint, at_time timestamp with time zone) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.state_of(state taskflow.job_state, run_at timestamp with time zone, attempt smallint, at_time timestamp with time zone) TO taskflow_operator;

GRANT SELECT ON TABLE taskflow.dead_job TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.dead_job TO taskflow_operator;

GRANT SELECT ON TABLE taskflow.job_history TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.job_history TO taskflow_operator;

GRANT SELECT ON TABLE taskflow.job_view TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.job_view TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.get_job(id bigint, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.get_job(id bigint, tenant text) TO taskflow_producer;
GRANT ALL ON FUNCTION taskflow.get_job(id bigint, tenant text) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.get_job(id bigint, tenant text) TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.get_logs(id bigint, after_seq bigint, max_lines integer, attempt integer, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.get_logs(id bigint, after_seq bigint, max_lines integer, attempt integer, tenant text) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.get_logs(id bigint, after_seq bigint, max_lines integer, attempt integer, tenant text) TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.get_progress(id bigint, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.get_progress(id bigint, tenant text) TO taskflow_producer;
GRANT ALL ON FUNCTION taskflow.get_progress(id bigint, tenant text) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.get_progress(id bigint, tenant text) TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.get_result(id bigint, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.get_result(id bigint, tenant text) TO taskflow_producer;
GRANT ALL ON FUNCTION taskflow.get_result(id bigint, tenant text) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.get_result(id bigint, tenant text) TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.get_steps(id bigint, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.get_steps(id bigint, tenant text) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.get_steps(id bigint, tenant text) TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.insert_unique(new_job taskflow.job) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.job_template(task text, queue text, priority text, run_at timestamp with time zone, delay interval, max_attempts integer, timeout interval, deadline timestamp with time zone, unique_key text, tags text[], meta jsonb, tenant text) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.join_worker(name text, queues text[], slots integer[], tasks text[], lease interval, host text, pid integer, version text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.join_worker(name text, queues text[], slots integer[], tasks text[], lease interval, host text, pid integer, version text) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.join_worker(name text, queues text[], slots integer[], tasks text[], lease interval, host text, pid integer, version text) TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.leave_worker(worker_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.leave_worker(worker_id bigint) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.leave_worker(worker_id bigint) TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.log(id bigint, claim_no bigint, lines jsonb, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.log(id bigint, claim_no bigint, lines jsonb, tenant text) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.log(id bigint, claim_no bigint, lines jsonb, tenant text) TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.maintain() FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.maintain() TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.maintain() TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.may_read() FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.may_read() TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.may_read() TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.note_queue(tenant text, name text) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.options_ok(task text, queue text, run_at timestamp with time zone, at_time timestamp with time zone, max_attempts integer, timeout interval, deadline timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.partition_day(relation name) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.partition_day(relation name) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.partition_day(relation name) TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.partition_key(parent text) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.pause_queue(queue text, reason text, resume_at timestamp with time zone, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.pause_queue(queue text, reason text, resume_at timestamp with time zone, tenant text) TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.plain_text(raw text, longest integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.priority_no(name text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.priority_no(name text) TO taskflow_producer;
GRANT ALL ON FUNCTION taskflow.priority_no(name text) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.priority_no(name text) TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.progress(id bigint, claim_no bigint, done double precision, total double precision, note text, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.progress(id bigint, claim_no bigint, done double precision, total double precision, note text, tenant text) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.progress(id bigint, claim_no bigint, done double precision, total double precision, note text, tenant text) TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.progress_said(tenant text, id bigint, claim_no bigint, at_time timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.publish_tasks(tasks jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.publish_tasks(tasks jsonb) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.publish_tasks(tasks jsonb) TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.put_back(job taskflow.job, outcome text, at_time timestamp with time zone, delay interval) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.put_result(id bigint, claim_no bigint, place integer, bytes bytea, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.put_result(id bigint, claim_no bigint, place integer, bytes bytea, tenant text) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.put_result(id bigint, claim_no bigint, place integer, bytes bytea, tenant text) TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.reap(second_look interval) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.reap(second_look interval) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.reap(second_look interval) TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.record_attempt(job taskflow.job, outcome text, at_time timestamp with time zone, reason text, error jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.record_many(records jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.record_many(records jsonb) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.record_many(records jsonb) TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.release(ids bigint[], claim_nos bigint[], delay interval, tenants text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.release(ids bigint[], claim_nos bigint[], delay interval, tenants text[]) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.release(ids bigint[], claim_nos bigint[], delay interval, tenants text[]) TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.renew(worker_id bigint, ids bigint[], claim_nos bigint[], lease interval, tenants text[], up_to_batch bigint, report jsonb, after_batch bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.renew(worker_id bigint, ids bigint[], claim_nos bigint[], lease interval, tenants text[], up_to_batch bigint, report jsonb, after_batch bigint) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.renew(worker_id bigint, ids bigint[], claim_nos bigint[], lease interval, tenants text[], up_to_batch bigint, report jsonb, after_batch bigint) TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.requeue(fingerprint text, task text, queue text, max_jobs integer, tenant text, OUT requeued integer, OUT conflicts integer) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.requeue(fingerprint text, task text, queue text, max_jobs integer, tenant text, OUT requeued integer, OUT conflicts integer) TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.reschedule(id bigint, run_at timestamp with time zone, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.reschedule(id bigint, run_at timestamp with time zone, tenant text) TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.result_ok(result jsonb, max_bytes integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.resume_queue(queue text, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.resume_queue(queue text, tenant text) TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.retry(id bigint, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.retry(id bigint, tenant text) TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.save_step(id bigint, claim_no bigint, name text, result jsonb, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.save_step(id bigint, claim_no bigint, name text, result jsonb, tenant text) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.save_step(id bigint, claim_no bigint, name text, result jsonb, tenant text) TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.set_result(id bigint, claim_no bigint, result jsonb, tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.set_result(id bigint, claim_no bigint, result jsonb, tenant text) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.set_result(id bigint, claim_no bigint, result jsonb, tenant text) TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.settle(id bigint, claim_no bigint, outcome text, result jsonb, delay interval, reason text, error jsonb, tenant text, until timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.settle(id bigint, claim_no bigint, outcome text, result jsonb, delay interval, reason text, error jsonb, tenant text, until timestamp with time zone) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.settle(id bigint, claim_no bigint, outcome text, result jsonb, delay interval, reason text, error jsonb, tenant text, until timestamp with time zone) TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.settle_each(others jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.settle_many(ids bigint[], claim_nos bigint[], results jsonb, others jsonb, tenants text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.settle_many(ids bigint[], claim_nos bigint[], results jsonb, others jsonb, tenants text[]) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.settle_many(ids bigint[], claim_nos bigint[], results jsonb, others jsonb, tenants text[]) TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.settled_before(tenant text, id bigint, claim_no bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION taskflow.stop_waiting(worker_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION taskflow.stop_waiting(worker_id bigint) TO taskflow_worker;
GRANT ALL ON FUNCTION taskflow.stop_waiting(worker_id bigint) TO taskflow_operator;

REVOKE ALL ON FUNCTION taskflow.sweep_records(at_time timestamp with time zone) FROM PUBLIC;

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

REVOKE ALL ON FUNCTION taskflow.write_record(item jsonb) FROM PUBLIC;

GRANT SELECT ON TABLE taskflow.alembic_version TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.alembic_version TO taskflow_operator;

GRANT SELECT ON TABLE taskflow.attempt TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.attempt TO taskflow_operator;

GRANT SELECT ON TABLE taskflow.attempt_default TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.attempt_default TO taskflow_operator;

GRANT SELECT ON TABLE taskflow.claim_batch TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.claim_batch TO taskflow_operator;

GRANT SELECT ON TABLE taskflow.config TO taskflow_worker;
GRANT SELECT,UPDATE ON TABLE taskflow.config TO taskflow_operator;

GRANT SELECT ON TABLE taskflow.job_history_default TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.job_history_default TO taskflow_operator;

GRANT SELECT ON TABLE taskflow.job_log TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.job_log TO taskflow_operator;

GRANT SELECT ON TABLE taskflow.job_log_default TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.job_log_default TO taskflow_operator;

GRANT SELECT ON TABLE taskflow.job_step TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.job_step TO taskflow_operator;

GRANT SELECT ON TABLE taskflow.queue TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.queue TO taskflow_operator;

GRANT SELECT ON TABLE taskflow.result_chunk TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.result_chunk TO taskflow_operator;

GRANT SELECT ON TABLE taskflow.sql_object TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.sql_object TO taskflow_operator;

GRANT SELECT ON TABLE taskflow.task TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.task TO taskflow_operator;

GRANT SELECT ON TABLE taskflow.waiter TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.waiter TO taskflow_operator;

GRANT SELECT ON TABLE taskflow.watcher TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.watcher TO taskflow_operator;

GRANT SELECT ON TABLE taskflow.worker TO taskflow_worker;
GRANT SELECT ON TABLE taskflow.worker TO taskflow_operator;
