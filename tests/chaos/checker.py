"""Reads what a run has left, long after it, and says what should not have happened.

It trusts nothing that the workers say about themselves but their logs, and takes the rules from
the protocol: A1 nothing acknowledged is lost; A2 one ledger row per job that its own transaction
completed; A3 one start per claim; A4 leases of one job never overlap, and none is taken away
before its time; A5 one end, by the newest claim; A7 counts stay in bounds; A10 one live job per
unique key; A13 rest is rest; A15 no deadlocks and no errors of ours; L1 no more jobs of a key ran
at once, and L2 no more began in any window, than the limits of the run allow; K1 each tick of a
schedule stands in its ledger once, with one job if it ran; W1 no job began before those that it
waits for had ended; W2 every run of a workflow ended with its result, by one job for each step.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import namedtuple_row

from tests.chaos.evidence import AT_ONCE, PIPELINE_GIVES, PIPELINE_JOBS, STARTS, read_logs

OURS = (
    "deadlock detected",
    "Task was destroyed",
    "Task exception was never retrieved",
    "Exception in thread",
    "cannot go on",
    "Unhandled exception",
)


def check(
    dsn: str, directory: Path | None = None, *, second_look: timedelta, base_sessions: int = 1
) -> list[str]:
    """All violations found, each a line that begins with its rule."""
    with psycopg.connect(dsn, autocommit=True, row_factory=namedtuple_row) as db:
        found = [
            *_lost(db, directory),
            *_ledger(db),
            *_leases(db, second_look),
            *_ends(db),
            *_counts(db),
            *_unique(db),
            *_at_once(db),
            *_windows(db),
            *_ticks(db),
            *_order(db),
            *_runs(db, directory),
            *_rest(db, base_sessions),
        ]
    if directory is not None:
        found += [*_starts(directory), *_errors(directory)]
    return found


def summary(dsn: str) -> dict[str, Any]:
    """What the run consisted of; a run without losses or takeovers proves little."""
    with psycopg.connect(dsn, autocommit=True) as db:
        counts = db.execute(
            "select (select count(*) from taskflow.job_history),"
            " (select count(*) from taskflow.dead_job),"
            " (select count(*) from taskflow.attempt where outcome = 'lost'),"
            " (select count(*) from taskflow.attempt where outcome = 'failed'),"
            " (select count(*) from ledger),"
            " (select count(*) from taskflow.schedule_tick where status = 'run'),"
            " (select count(*) from taskflow.job_history where task = 'outside.after'),"
            " (select count(*) from taskflow.workflow_run where state = 'succeeded'),"
            " (select max(claim_no) from taskflow.job_history)"
        ).fetchone()
    assert counts is not None
    names = "succeeded dead lost failed ledger ticks followers runs most_claims"
    return dict(zip(names.split(), counts, strict=True))


def _lost(db: psycopg.Connection[Any], directory: Path | None) -> Iterator[str]:
    """A1: acknowledged means present until its end; unknown means at most once."""
    ended = {row.id for row in db.execute("select id from taskflow.job_view")}
    inserted = {
        row.job_id for row in db.execute("select job_id from job_event where op = 'INSERT'")
    }
    for id in sorted(inserted - ended):
        yield f"A1 job {id} was committed and is nowhere"
    for row in db.execute("select id, state from taskflow.job"):
        yield f"A1 job {row.id} is still {row.state} at rest"
    if directory is not None:
        for line in read_logs(directory, "load*.jsonl"):
            if line["said"] == "ok" and line["id"] not in ended:
                yield f"A1 job {line['id']} was acknowledged and is nowhere"
    keys = Counter(
        row.key for row in db.execute("select args ->> 'key' as key from taskflow.job_view")
    )
    for key, count in keys.items():
        if key and count > 1:
            yield f"A1 one enqueue call made {count} jobs: {key}"


def _ledger(db: psycopg.Connection[Any]) -> Iterator[str]:
    """A2: the writes of a job's own transaction exist exactly if that claim ended the job."""
    rows: dict[int, list[int]] = defaultdict(list)
    for row in db.execute("select job_id, claim_no from ledger"):
        rows[row.job_id].append(row.claim_no)
    ends = {
        row.id: row
        for row in db.execute("select id, task, state, claim_no from taskflow.job_history")
    }
    for id, end in ends.items():
        is_ours = end.state == "succeeded" and end.task.startswith("ledger")
        if is_ours and rows.get(id) != [end.claim_no]:
            yield f"A2 job {id} ended by claim {end.claim_no}, ledger: {rows.get(id, [])}"
    for id, claims in rows.items():
        if id not in ends or ends[id].state != "succeeded":
            yield f"A2 job {id} did not succeed, but the ledger has {claims}"


def _leases(db: psycopg.Connection[Any], second_look: timedelta) -> Iterator[str]:
    """A4: who holds a job holds it until its end, or until its lease and the second look."""
    lost = {
        (row.job_id, row.claim_no)
        for row in db.execute(
            "select job_id, claim_no from taskflow.attempt where outcome = 'lost'"
        )
    }
    held: dict[int, int] = {}
    for e in db.execute("select * from job_event order by id"):
        if e.op == "INSERT":
            held[e.job_id] = max(held.get(e.job_id, 0), e.claim_no)
            continue
        if e.old_state == "running" and e.state == "running" and e.claim_no != e.old_claim_no:
            yield f"A4 job {e.job_id}: claim {e.claim_no} took it from claim {e.old_claim_no}"
        if e.state == "running" and e.old_state != "running":
            if e.claim_no <= held.get(e.job_id, 0):
                yield f"A4 job {e.job_id}: claim number {e.claim_no} is not new"
            held[e.job_id] = e.claim_no
        if e.old_state == "running" and e.state != "running":
            was_lost = (e.job_id, e.old_claim_no) in lost
            if was_lost and e.at < e.old_lease + second_look:
                early = e.old_lease + second_look - e.at
                yield f"A4 job {e.job_id}: claim {e.old_claim_no} was taken away {early} early"


def _ends(db: psycopg.Connection[Any]) -> Iterator[str]:
    """A5: a job ends once, and by its newest claim."""
    ends = Counter(
        row.job_id for row in db.execute("select job_id from job_event where op = 'DELETE'")
    )
    kept = Counter(
        row.id
        for row in db.execute(
            "select id from taskflow.job_history union all select id from taskflow.dead_job"
        )
    )
    for id, count in (ends | kept).items():
        if count > 1:
            yield f"A5 job {id} ended {count} times"
    newest = dict(db.execute("select job_id, max(claim_no) from job_event group by 1").fetchall())
    for row in db.execute("select id, claim_no from taskflow.job_history"):
        if row.claim_no != newest.get(row.id, row.claim_no):
            yield f"A5 job {row.id} ended by claim {row.claim_no}, the newest is {newest[row.id]}"


def _counts(db: psycopg.Connection[Any]) -> Iterator[str]:
    """A7: attempts and losses stay within what was allowed."""
    statement = (
        "select id, attempt, max_attempts, lost from taskflow.job_view"
        " where attempt > max_attempts or lost > 3 or attempt < 0"
    )
    for row in db.execute(statement):
        yield f"A7 job {row.id}: attempt {row.attempt} of {row.max_attempts}, lost {row.lost}"
    failed = (
        "select a.job_id, count(*) as runs from taskflow.attempt a where a.outcome = 'failed'"
        " group by 1 having count(*) > (select max_attempts from taskflow.job_view v"
        " where v.id = a.job_id)"
    )
    for row in db.execute(failed):
        yield f"A7 job {row.job_id} failed {row.runs} times"


def _unique(db: psycopg.Connection[Any]) -> Iterator[str]:
    """A10: never two live jobs of one key."""
    live: dict[str, set[int]] = defaultdict(set)
    statement = (
        "select * from job_event where unique_key is not null and op <> 'UPDATE' order by id"
    )
    for e in db.execute(statement):
        if e.op == "DELETE":
            live[e.unique_key].discard(e.job_id)
            continue
        live[e.unique_key].add(e.job_id)
        if len(live[e.unique_key]) > 1:
            yield f"A10 key {e.unique_key} is held by jobs {sorted(live[e.unique_key])}"


def _at_once(db: psycopg.Connection[Any]) -> Iterator[str]:
    """L1: a claim sees the slots of those before it, so the order of the events is that of the
    claims and ends of one key."""
    running: dict[str, set[int]] = defaultdict(set)
    statement = (
        "select e.job_id, e.state, v.args ->> 'ms' as key from job_event e"
        " join taskflow.job_view v on v.id = e.job_id and v.task = 'outside.plain' order by e.id"
    )
    for e in db.execute(statement):
        if e.state != "running":
            running[e.key].discard(e.job_id)
            continue
        running[e.key].add(e.job_id)
        if len(running[e.key]) > AT_ONCE:
            yield f"L1 jobs {sorted(running[e.key])} of key {e.key} ran at once"


def _windows(db: psycopg.Connection[Any]) -> Iterator[str]:
    """L2: of every start that history knows, the one STARTS before it is a period older."""
    starts = db.execute(
        "select h.started_at as at from taskflow.job_history h where h.task = 'outside.flaky'"
        " union all select a.started_at from taskflow.attempt a join taskflow.job_view v"
        " on v.id = a.job_id where v.task = 'outside.flaky' and a.outcome <> 'succeeded'"
        " order by 1"
    ).fetchall()
    for first, last in zip(starts, starts[STARTS:], strict=False):
        if last.at - first.at < timedelta(seconds=1):
            yield f"L2 {STARTS + 1} starts of outside.flaky between {first.at} and {last.at}"


def _ticks(db: psycopg.Connection[Any]) -> Iterator[str]:
    """K1: the ledger has no hole and no tick twice, and each tick that ran one job."""
    gaps = db.execute(
        "select * from (select t.schedule, coalesce(t.until_at, t.tick_at + s.every) as expected,"
        " lead(t.tick_at) over (partition by t.schedule order by t.tick_at) as next"
        " from taskflow.schedule_tick t join taskflow.schedule s on s.name = t.schedule) x"
        " where x.next <> x.expected"
    )
    for gap in gaps:
        yield f"K1 {gap.schedule}: after the tick before {gap.expected} comes that of {gap.next}"
    jobs = db.execute(
        "select coalesce(t.schedule, j.schedule) as schedule, coalesce(t.tick_at, j.tick) as tick,"
        " t.status, coalesce(j.count, 0) as count from taskflow.schedule_tick t full join"
        " (select v.meta ->> 'schedule' as schedule, (v.meta ->> 'tick')::timestamptz as tick,"
        " count(*) from taskflow.job_view v where v.meta ? 'tick' group by 1, 2) j"
        " on j.schedule = t.schedule and j.tick = t.tick_at"
    )
    for tick in jobs:
        if tick.count != (1 if tick.status == "run" else 0):
            yield f"K1 {tick.schedule}: {tick.status} tick {tick.tick} has {tick.count} jobs"


def _order(db: psycopg.Connection[Any]) -> Iterator[str]:
    """W1: the end of a job and the claims of those that wait for it are events in that order; so
    are those of the nodes of a run."""
    waits = (
        "select v.id as child, (v.args ->> 'parent')::bigint as parent from taskflow.job_view v"
        " where v.task = 'outside.after' union all"
        " select c.job_id, p.job_id from taskflow.workflow_step c join taskflow.workflow_step p"
        " on p.run_id = c.run_id and p.node = c.node - 1 where c.job_id > 0 and p.job_id > 0"
    )
    early = db.execute(
        f"select w.child, w.parent from ({waits}) w"
        " join (select job_id, min(id) as at from job_event where state = 'running' group by 1) b"
        " on b.job_id = w.child"
        " left join (select job_id, max(id) as at from job_event where op = 'DELETE' group by 1) e"
        " on e.job_id = w.parent where e.at is null or e.at > b.at"
    )
    for wait in early:
        yield f"W1 job {wait.child} began before the end of job {wait.parent}"
    unmet = db.execute(
        "select v.id, p.id as parent from taskflow.job_view v join taskflow.job_view p"
        " on p.id = (v.args ->> 'parent')::bigint where v.task = 'outside.after'"
        " and (v.state = 'succeeded') <> (p.state = 'succeeded')"
    )
    for wait in unmet:
        yield f"W1 jobs {wait.id} and {wait.parent}, which it waits for, ended differently"


def _runs(db: psycopg.Connection[Any], directory: Path | None) -> Iterator[str]:
    """W2: what was started ended, with the result, and no step had two jobs or none."""
    runs = {row.id: row for row in db.execute("select * from taskflow.workflow_run")}
    for run in runs.values():
        if run.state != "succeeded" or run.output != PIPELINE_GIVES:
            yield f"W2 run {run.id} is {run.state} with {run.output}, {run.succeeded} steps done"
    jobs = "select count(*) from taskflow.job_view where task like 'flow.%'"
    count = db.execute(jobs).fetchone()
    assert count is not None
    if count[0] != PIPELINE_JOBS * len(runs):
        yield f"W2 {len(runs)} runs had {count[0]} jobs, not {PIPELINE_JOBS} each"
    if directory is not None:
        for line in read_logs(directory, "load*.jsonl"):
            if line["said"] == "run" and line["id"] not in runs:
                yield f"W2 run {line['id']} was acknowledged and is nowhere"


def _rest(db: psycopg.Connection[Any], base_sessions: int) -> Iterator[str]:
    """A13: nothing is held when nobody works."""
    sessions = db.execute(
        "select pid, state, query from pg_stat_activity"
        " where datname = current_database() and backend_type = 'client backend'"
    ).fetchall()
    for session in sessions:
        if (session.state or "").startswith("idle in transaction"):
            yield f"A13 session {session.pid} is {session.state}: {session.query[:60]}"
    if len(sessions) > base_sessions:
        yield f"A13 {len(sessions)} sessions are left, {base_sessions} belong here"


def _starts(directory: Path) -> Iterator[str]:
    """A3: each claim starts its handler once at most."""
    starts = Counter(
        (line["job"], line["claim"])
        for line in read_logs(directory, "effects*.jsonl")
        if line["what"] == "start"
    )
    for (job, claim), count in starts.items():
        if count > 1:
            yield f"A3 claim {claim} of job {job} started {count} times"


def _errors(directory: Path) -> Iterator[str]:
    """A15: deadlocks, and errors that nobody handled."""
    for path in sorted(directory.glob("*.log")):
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            if any(said in line for said in OURS):
                yield f"A15 {path.name}:{number}: {line.strip()[:150]}"
