"""The workloads. Each yields figures: ours, and what stands beside it in the same run.

Who goes first changes with each repetition, so that neither always meets the warmer server.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

from taskflow.bench import measures
from taskflow.bench.children import BenchFailed, Child
from taskflow.bench.drains import Drained, course, drain, drain_some, drain_together
from taskflow.bench.pages import pages
from taskflow.bench.rest import rest
from taskflow.bench.room import PATIENCE_S, Figure, Room

BARE = "bare SQL loop"
CLIENTS = 64
GAP_S = (0.01, 0.05)
"""Between the enqueues whose pick-up is timed: no rhythm that a poll could fall into step with."""
LOOK_EVERY_S = 0.02
QUIET_S = 11.0
"""After this an idle session has reported its statements to the server's counters."""
WAITING = "select exists (select from taskflow.waiter where until > clock_timestamp())"


def one(room: Room) -> Iterator[Figure]:
    count = room.count(5_000, 20)
    ours, bare = room.both(lambda bare: room.seconds_of("one-bare" if bare else "one", count=count))
    yield Figure("enqueue one by one, 1 client", "jobs/s", count / ours, "INSERT", count / bare)
    count = room.count(20_000, 2 * CLIENTS)
    ours, bare = room.both(
        lambda bare: room.seconds_of(
            "many-clients-bare" if bare else "many-clients",
            count=count, clients=CLIENTS, pool_size=CLIENTS,
        )
    )  # fmt: skip
    yield Figure(
        f"enqueue one by one, {CLIENTS} clients", "jobs/s", count / ours, "INSERT", count / bare
    )


def bulk(room: Room) -> Iterator[Figure]:
    count = room.count(100_000, 1_000)
    ours, bare = room.both(
        lambda bare: room.seconds_of("bulk-bare" if bare else "bulk", count=count)
    )
    yield Figure("enqueue in bulk", "jobs/s", count / ours, "COPY", count / bare)


def draining(room: Room) -> Iterator[Figure]:
    jobs = room.count(100_000, 1_000)
    ours, bare = room.both(lambda bare: drain(room.scratch, jobs, bare=bare))
    yield Figure("drain, 1 worker", "jobs/s", ours.rate, BARE, bare.rate)
    tasks = drain(room.scratch, jobs, bare=True, tasks=True)
    yield Figure("  the same", "jobs/s", ours.rate, "loop, task per job", tasks.rate)

    def cost(what: str, unit: str, of: Callable[[Drained], float]) -> Figure:
        return Figure(f"  {what}", unit, of(ours), BARE, of(bare))

    yield cost("WAL per job", "bytes", lambda side: side.wal_bytes / side.jobs)
    yield cost("client CPU per job", "µs", lambda side: side.client_cpu_s / side.jobs * 1e6)
    if ours.server_cpu_s is not None and bare.server_cpu_s is not None:
        yield cost(
            "server CPU per job", "µs", lambda side: (side.server_cpu_s or 0) / side.jobs * 1e6
        )
    yield cost("jobs per claim", "jobs", lambda side: side.rows_per_claim)
    yield cost("jobs per settle", "jobs", lambda side: side.rows_per_settle)


def together(room: Room) -> Iterator[Figure]:
    jobs = room.count(100_000, 1_000)
    ours, bare = room.both(lambda bare: drain_together(room.scratch, jobs, 1, bare=bare))
    yield Figure("drain, 1 worker, by history", "jobs/s", ours.rate, BARE, bare.rate)
    ours, bare = room.both(lambda bare: drain_together(room.scratch, jobs, 2, bare=bare))
    yield Figure("drain, 2 workers, by history", "jobs/s", ours.rate, BARE, bare.rate)
    yield Figure(
        "  while both run", "jobs/s", ours.rate_of_all or ours.rate, BARE,
        bare.rate_of_all or bare.rate,
    )  # fmt: skip
    yield Figure(
        "  between their starts", "ms", ours.start_skew_s * 1e3, BARE, bare.start_skew_s * 1e3
    )


def latency(room: Room) -> Iterator[Figure]:
    def measure(bare: bool) -> list[tuple[float, float]]:
        room.scratch.clear()
        with room.nursery() as nursery:
            server = nursery.player("answer-bare") if bare else nursery.worker()
            _until(room, WAITING, server)
            told = nursery.player(
                "trickle", count=room.count(400, 20), least_gap_s=GAP_S[0], most_gap_s=GAP_S[1]
            ).answer(PATIENCE_S)
            _until_finished(room, len(told) + 1, server)  # with the one of its warm-up
        started = room.scratch.results([id for id, _, _ in told])
        return [
            ((started[id][0] - committed) / 1e6, (started[id][0] - called) / 1e6)
            for id, called, committed in told
        ]

    ours, bare = room.both(measure)
    for at, since in ((0, "commit to start"), (1, "call to start")):
        for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
            yield Figure(
                f"{since}, {name}", "ms",
                measures.percentile([times[at] for times in ours], share),
                "bare LISTEN loop",
                measures.percentile([times[at] for times in bare], share),
            )  # fmt: skip


def sustained(room: Room) -> Iterator[Figure]:
    def measure(bare: bool) -> float:
        room.scratch.clear()
        with room.nursery() as nursery:
            server = nursery.player("drain-bare", forever=True) if bare else nursery.worker()
            _until(room, "select exists (select from taskflow.worker)", server)
            count = nursery.player("flow-bare" if bare else "flow", seconds=room.seconds).answer(
                PATIENCE_S + room.seconds
            )
            _until_finished(room, count, server)
        return course(room.scratch).rate

    ours, bare = room.both(measure)
    yield Figure("producer and worker at once", "jobs/s", ours, BARE, bare)


def backlog(room: Room) -> Iterator[Figure]:
    """A small table, then the same from a large one, then half of that under an old snapshot."""
    some, all_jobs, held = room.count(50_000), room.count(1_000_000), room.count(500_000)
    room.scratch.clear()
    room.scratch.seed(some)
    small = drain_some(room.scratch, some).rate
    room.scratch.clear()
    room.scratch.seed(all_jobs)
    large = drain_some(room.scratch, some).rate
    yield Figure(
        f"first {some:,} of {all_jobs:,} waiting", "jobs/s", large, f"{some:,} alone", small
    )
    with room.scratch.old_snapshot():
        tenths = drain_some(room.scratch, held).tenths()
    yield Figure(
        f"{held:,} under an old snapshot, last tenth", "jobs/s", tenths[-1],
        "first tenth", tenths[0],
    )  # fmt: skip
    # a tenth lasts a second or two: whoever else uses the machine shows in it
    first, last = (statistics.harmonic_mean(half) for half in (tenths[:5], tenths[5:]))
    yield Figure("  last half", "jobs/s", last, "first half", first)


def idle(room: Room) -> Iterator[Figure]:
    room.scratch.clear()
    statements = (
        "select xact_commit + xact_rollback from pg_stat_database"
        " where datname = current_database()"
    )
    with room.nursery() as nursery:
        worker = nursery.worker()
        _until(room, WAITING, worker)
        time.sleep(min(QUIET_S, 1.1 * room.seconds))
        before, cpu_s = room.scratch.value(statements), measures.process_cpu_s(worker.process.pid)
        time.sleep(room.seconds)
        after = room.scratch.value(statements)
        yield Figure("idle worker, statements", "1/s", max(after - before - 1, 0) / room.seconds)
        resident = measures.resident_mb(worker.process.pid)
        cpu_then_s = measures.process_cpu_s(worker.process.pid)
    if resident is not None:
        yield Figure("idle worker, resident", "MB", resident)
    if cpu_s is not None and cpu_then_s is not None:
        yield Figure("idle worker, CPU", "%", (cpu_then_s - cpu_s) / room.seconds * 100)


def _until_finished(room: Room, jobs: int, child: Child) -> None:
    _until(room, "select count(*) >= %s from taskflow.job_history", child, jobs)


def _until(room: Room, condition: str, child: Child, *parameters: Any) -> None:
    """Looks until the database says yes."""
    deadline = time.monotonic() + PATIENCE_S
    while not room.scratch.value(condition, *parameters):
        child.check()
        if time.monotonic() > deadline:
            raise BenchFailed(f"it did not come true in {PATIENCE_S:g} s: {condition}")
        time.sleep(LOOK_EVERY_S)


WORKLOADS: dict[str, Callable[[Room], Iterator[Figure]]] = {
    "idle": idle,
    "one": one,
    "bulk": bulk,
    "drain": draining,
    "two": together,
    "latency": latency,
    "sustained": sustained,
    "backlog": backlog,
    "rest": rest,
    "pages": pages,
}
BY_NAME_ONLY = frozenset({"pages"})
"""By the name that --only takes. `idle` goes first: nothing is left to vacuum then, and vacuum's
transactions would count. `backlog` is two of the nine: they share a million jobs."""
