"""The hot statements keep their plans: on a fresh table, a million rows, lost statistics, generic.

A settle whose plan flipped to another index took 66 instead of 6 us a job. Plans are read from
inside the functions by auto_explain.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.support import factories as f
from tests.support.db import Servers
from tests.support.plans import Plan, Planner

Connection = psycopg.Connection[Any]

ROWS = 1_000_000
FILL = """
insert into taskflow.job (run_at, created_at, max_attempts, priority, queue, task, created_by, args,
                          unique_key, deadline)
select now() - interval '1 day' + n * interval '1 ms', now(), 5, n % 4,
       case when n % 10 = 0 then 'other' else 'default' end, 't', 'me', '{"n": 1}',
       case when n % 20 = 0 then 'key' || n end,
       case when n % 50 = 0 then now() + interval '1 day' end
  from generate_series(1, {rows}) n
"""
FINISHED = """
insert into taskflow.job_history (id, run_at, created_at, claim_no, finished_at, state, attempt,
                                  lost, max_attempts, priority, queue, task, created_by, args)
select -n, now(), now(), 1, now(), 'succeeded', 1, 0, 5, 2, 'default', 't', 'me', '{{}}'
  from generate_series(1, {rows}) n
"""
FORGET = """
delete from pg_statistic where starelid in (select oid from pg_class where relnamespace =
  'taskflow'::regnamespace);
update pg_class set reltuples = -1, relpages = 0 where relnamespace = 'taskflow'::regnamespace;
"""


@dataclasses.dataclass
class Stage:
    dsn: str
    worker: int
    held: list[Any]


@pytest.fixture(scope="module", params=["fresh", "analyzed empty", "full", "no statistics"])
def stage(request: pytest.FixtureRequest, servers: Servers, big: Stage) -> Iterator[Stage]:
    """In this order: a handful of jobs, also after an analysis that found none; a million; a
    million with the statistics gone."""
    server = servers.get()
    if request.param in ("fresh", "analyzed empty"):
        dsn = server.create()
        if request.param == "analyzed empty":
            with psycopg.connect(dsn, autocommit=True) as db:
                db.execute("vacuum analyze taskflow.job, taskflow.claim_batch, taskflow.worker")
        yield prepare(dsn, 5000, analyze=False)
        server.drop(dsn)
    else:
        if request.param == "no statistics":
            with psycopg.connect(big.dsn, autocommit=True) as db:
                db.execute(FORGET)
        yield big


@pytest.fixture(scope="module")
def big(servers: Servers) -> Iterator[Stage]:
    server = servers.get()
    if not server.is_embedded:
        pytest.skip("needs a superuser and a server of its own")
    dsn = server.create()
    yield prepare(dsn, ROWS, analyze=True)
    server.drop(dsn)


def prepare(dsn: str, rows: int, *, analyze: bool) -> Stage:
    with psycopg.connect(dsn, autocommit=True) as db:
        # Autovacuum would put back the statistics that a test takes away.
        for table in ("job", "claim_batch", "dead_job"):
            db.execute(f"alter table taskflow.{table} set (autovacuum_enabled = off)")
        db.execute(FILL.replace("{rows}", str(rows)))
        db.execute(FINISHED.format(rows=rows // 10))
        worker = f.join(db)
        held = f.claim(db, worker, 100)
        if analyze:
            db.execute("analyze taskflow.job, taskflow.claim_batch, taskflow.worker")
            # not the days to come: an empty table that was analyzed is read as a whole
            today = f.value(db, "select tableoid::regclass::text from taskflow.job_history limit 1")
            db.execute(f"analyze {today}")
        return Stage(dsn, worker, held)


@pytest.fixture(params=["auto", "force_generic_plan"])
def planner(request: pytest.FixtureRequest, stage: Stage) -> Iterator[Planner]:
    with psycopg.connect(stage.dsn, autocommit=True) as connection:
        yield Planner(connection, request.param)


def one(plans: list[Plan], part: str) -> Plan:
    found = [plan for plan in plans if part in plan.query]
    assert found, f"no statement with {part!r} in {[plan.query[:60] for plan in plans]}"
    return found[-1]


def probes(plan: Plan) -> set[tuple[str, str]]:
    """The scans of jobs, each of which looks up single ones: an index read as a whole is none."""
    for node in plan.nodes:
        if node.get("Relation Name") == "job" and node["Node Type"] != "ModifyTable":
            assert "(id = " in node.get("Index Cond", ""), plan
    return set(plan.of("job"))


def test_claim_walks_its_index_without_sorting(planner: Planner, stage: Stage) -> None:
    plans = planner.plans("select taskflow.claim(%s, '{default}', '{50}')", stage.worker)
    plan = one(plans, "with picked")
    assert plan.of("job") == [("Index Scan", "job_ready"), ("Tid Scan", "")], plan
    assert plan.kinds().isdisjoint({"Sort", "Incremental Sort", "Seq Scan", "Hash Join"}), plan


def test_claim_starts_at_its_position(planner: Planner, stage: Stage) -> None:
    """The position must be a condition of the index, not a filter behind it."""
    last = stage.held[-1]
    after = f'{{"default": {{"0": ["{last.run_at.isoformat()}", {last.id}]}}}}'
    plans = planner.plans(
        "select taskflow.claim(%s, '{default}', '{50}', after => %s)", stage.worker, after
    )
    (walk, *_) = [node for node in one(plans, "with picked").nodes
                  if node.get("Index Name") == "job_ready"]  # fmt: skip
    assert "ROW(run_at, id) > " in walk["Index Cond"]


def test_settling_a_batch_probes_the_primary_key(planner: Planner, stage: Stage) -> None:
    ids, fences = [job.id for job in stage.held], [job.claim_no for job in stage.held]
    plans = planner.plans("select taskflow.settle_many(%s::bigint[], %s::bigint[])", ids, fences)
    plan = one(plans, "delete from taskflow.job")
    assert probes(plan) == {("Index Scan", "job_pkey")}, plan
    assert "Nested Loop" in plan.kinds()


def test_settling_one_probes_the_primary_key(planner: Planner, stage: Stage) -> None:
    plans = planner.plans("select taskflow.settle(%s, 1)", stage.held[0].id)
    for part in ("select * from taskflow.job", "delete from taskflow.job"):
        assert one(plans, part).of("job") == [("Index Scan", "job_pkey")]


def test_renewing_probes_the_primary_key(planner: Planner, stage: Stage) -> None:
    ids, fences = [job.id for job in stage.held], [job.claim_no for job in stage.held]
    plans = planner.plans(
        "select taskflow.renew(%s, %s::bigint[], %s::bigint[])", stage.worker, ids, fences
    )
    for part in ("with held", "select g.id, g.claim_no"):
        plan = one(plans, part)
        assert probes(plan) == {("Index Scan", "job_pkey")}, plan


def test_what_runs_record_probes_primary_keys(planner: Planner, stage: Stage) -> None:
    id_, claim_no = stage.held[0].id, stage.held[0].claim_no
    plans = planner.plans(
        "select taskflow.record_many(jsonb_build_array(jsonb_build_object("
        "'id', %s::bigint, 'claim_no', %s::bigint, 'done', 1, 'lines', '[1]'::jsonb)))",
        id_, claim_no,
    )  # fmt: skip
    assert one(plans, "select j.attempt").of("job") == [("Index Scan", "job_pkey")]
    assert one(plans, "for update").of("job_progress") == [("Index Scan", "job_progress_pkey")]
    plans = planner.plans("select taskflow.save_step(%s, %s, 'a', '1')", id_, claim_no)
    assert one(plans, "for key share").of("job") == [("Index Scan", "job_pkey")]


def test_a_unique_key_is_looked_up_in_its_index(planner: Planner, stage: Stage) -> None:
    plans = planner.plans("select taskflow.enqueue('t', unique_key => 'key20')")
    plan = one(plans, "j.unique_key = new_job.unique_key")
    assert plan.of("job") == [("Index Scan", "job_unique")], plan


@pytest.mark.parametrize(
    "statement",
    ["select taskflow.settle(-1, 1)", "select taskflow.get_job(-1)",
     "select taskflow.explain(-1)"],
)  # fmt: skip
def test_history_is_read_by_index(planner: Planner, stage: Stage, statement: str) -> None:
    plans = planner.plans(statement)
    history = [scan for plan in plans for scan in plan.of("job_history")]
    assert history
    assert all(index.endswith("_tenant_id_idx") for _, index in history), history
    dead = [scan for plan in plans for scan in plan.of("dead_job")]
    assert {index for _, index in dead} <= {"dead_job_pkey"}, dead


def test_the_next_due_time_is_the_head_of_the_index(planner: Planner, stage: Stage) -> None:
    plans = planner.plans("select taskflow.wait_for_work(%s, '{default}')", stage.worker)
    assert {index for _, index in one(plans, "min(due.run_at)").of("job")} == {"job_ready"}


def test_expiry_reads_only_jobs_with_a_deadline(planner: Planner, stage: Stage) -> None:
    plan = one(planner.plans("select taskflow.reap()"), "j.deadline <= at_time")
    assert "Seq Scan" not in plan.kinds(), plan
    assert "job_deadline" in {node.get("Index Name") for node in plan.nodes}, plan


def test_suspects_are_found_in_an_index_of_their_own(planner: Planner, stage: Stage) -> None:
    with planner.connection.transaction(force_rollback=True):
        planner.connection.execute(
            "update taskflow.job set lost = 2, priority = 12 where id between 1000 and 1010"
            " or id in (select id from taskflow.job order by id desc limit 20)"
        )
        plans = planner.plans("select taskflow.reap()")
        for part in (
            "not exists (select from taskflow.job j where j.lost > 0",
            "select distinct j.queue",
            "with cleared",
            "order by s.priority, s.id limit 1",
            "with later",
            "and (s.state = 'running' or",
        ):
            plan = one(plans, part)
            assert {node.get("Index Name") for node in plan.nodes} <= {"job_suspect", None}, plan
            assert "Seq Scan" not in plan.kinds(), plan


def test_a_roll_call_reads_the_batches_of_its_worker(planner: Planner, stage: Stage) -> None:
    ids, fences = [job.id for job in stage.held], [job.claim_no for job in stage.held]
    plans = planner.plans(
        "select taskflow.renew(%s, %s::bigint[], %s::bigint[], up_to_batch => %s)",
        stage.worker, ids, fences, stage.held[0].batch_id,
    )  # fmt: skip
    scans = set(one(plans, "with mine").of("claim_batch"))
    assert scans == {("Index Scan", "claim_batch_worker"), ("Tid Scan", "")}


def test_claims_and_renewals_are_hot_updates(servers: Servers) -> None:
    """No index entry is written between enqueue and settle: what fillfactor 50 pays for."""
    server = servers.get()
    dsn = server.create()
    with psycopg.connect(dsn) as db:
        db.execute(FILL.replace("{rows}", "5000"))
        db.commit()
        worker = f.join(db)
        jobs = f.claim(db, worker, 4000)
        assert hot_share(db, 4000) >= 0.95
        db.commit()
        f.renew(db, worker, jobs[:1000])
        assert hot_share(db, 1000) >= 0.95
    server.drop(dsn)


def hot_share(db: Connection, at_least: int) -> float:
    (row,) = f.rows(
        db,
        "select pg_stat_get_xact_tuples_updated(c.oid) as updated,"
        " pg_stat_get_xact_tuples_hot_updated(c.oid) as hot"
        " from pg_class c where c.oid = 'taskflow.job'::regclass",
    )
    assert row.updated >= at_least
    return float(row.hot / row.updated)
