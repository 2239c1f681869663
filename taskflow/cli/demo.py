"""`taskflow demo`: a database, a worker and a shop's jobs, to see it all at work.

Enqueues for a while, shows what becomes of it, and ends when the work is done or the time is up.
The jobs live in queues of their own, so a demo on a database in use disturbs nobody.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

import msgspec
import rich_click as click

from taskflow.calls import demo as calls
from taskflow.calls import jobs, reads
from taskflow.cli import demo_screen, exits, shapes
from taskflow.cli.demo_screen import Scene
from taskflow.cli.demo_worker import DemoWorker
from taskflow.cli.invocation import Invocation
from taskflow.cli.options import DURATION
from taskflow.cli.tree import Command
from taskflow.errors import TaskflowError
from taskflow.kernel import codec
from taskflow.kernel.job import Options

QUEUES = ("demo", "demo-slow")
PRODUCE_S = 8.0
"""How long jobs keep coming when no time is given."""
LAST_SECONDS = 2.5
"""With a time given: no new jobs in its last seconds, so that most of them finish."""
BUILTIN: dict[str, list[dict[str, Any]]] = {
    "taskflow.echo": [{"value": word} for word in ("hello", "again")],
    "taskflow.compute": [{"function": "hash", "n": 300_000 + n} for n in range(4)],
}
"""Jobs of taskflow's own tasks."""
STOPPING_S = 1.0
WAVE, WAVE_EVERY_S = 200, 0.4
LOOK_EVERY_S = 0.25
LINE_EVERY_S = 2.0
RATE_OVER_S = 2.0


class Outcome(msgspec.Struct, frozen=True):
    """What a demo came to."""

    counts: list[calls.TaskCount]
    receipts: calls.Receipts
    seconds: float
    dead_id: int | None
    scheduled_id: int | None
    fingerprint: str | None


@click.command(cls=Command, examples=["taskflow demo", "taskflow demo --for 20s"])
@click.option(
    "--for", "duration", type=DURATION, metavar="TIME",
    help="End after this time; otherwise when the work is done, after some ten seconds.",
)  # fmt: skip
@click.pass_obj
def demo(invocation: Invocation, duration: timedelta | None) -> None:
    """Start a worker on an example app, enqueue a few thousand jobs and watch them.

    Uses the configured database, else an embedded server in ./.taskflow. The jobs are in queues
    demo and demo-slow, and schema taskflow_demo has the example's one table; nothing else is
    touched. The app: taskflow/examples/shop.py.
    """
    run = Demo(invocation, duration.total_seconds() if duration else None)
    prepare(invocation)
    interrupted = False
    with DemoWorker(invocation.app.dsn) as worker, run.screen(worker) as show:
        try:
            run.watch(worker, show)
        except KeyboardInterrupt:
            interrupted = True
    if interrupted:
        with suppress(Exception):  # a question may have been cut off in the middle
            run.tell()
        raise exits.Stop(exits.INTERRUPTED)
    run.tell()


def prepare(invocation: Invocation) -> None:
    """Sees to the schema: makes a missing one, but leaves an older one to its owner."""
    from taskflow.store import fit, migrate

    dsn = invocation.app.dsn
    if migrate.status(dsn).revision is None:
        migrate.upgrade(dsn)
    fit.require_current(dsn)
    for call in calls.TABLES:
        invocation.run(call)


class Demo:
    """One run: its clock, its producer and its looks."""

    def __init__(self, invocation: Invocation, limit_s: float | None) -> None:
        self.invocation = invocation
        self.first_id = 0
        self._started = time.monotonic()
        self._limit_s = limit_s
        self._produce_s = PRODUCE_S if limit_s is None else max(limit_s - LAST_SECONDS, 1)
        self._wave = 0
        self._looks = [(self._started, 0)]

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self._started

    def watch(self, worker: DemoWorker, show: Callable[[Scene], None]) -> None:
        """Until all is done or the time is up. Raises when the worker ends by itself."""
        self.enqueue_all_kinds()
        next_wave = self.elapsed_s
        while True:
            if worker.exit_code is not None:
                said = "\n".join(list(worker.log)[-5:]) or "It said nothing."
                raise TaskflowError(f"the demo's worker ended with {worker.exit_code}", said)
            if next_wave <= self.elapsed_s < self._produce_s:
                next_wave += WAVE_EVERY_S
                self.enqueue_wave()
            scene = self.look()
            show(scene)
            if self._limit_s is not None and self.elapsed_s >= self._limit_s - STOPPING_S:
                return
            if self.elapsed_s >= self._produce_s and not scene.unfinished:
                return
            time.sleep(LOOK_EVERY_S)

    def enqueue_all_kinds(self) -> None:
        from taskflow.examples import shop

        on = self.invocation.connection
        self.first_id = shop.greet.on(on).enqueue("world").id
        shop.build_report.on(on).enqueue_many([(month,) for month in range(1, 13)])
        shop.sync_stock.on(on).enqueue_many([(f"{letter}",) for letter in "ABCDEFGH"])
        shop.charge.on(on).enqueue_many([(order, shop.DECLINED) for order in (7, 8, 9)])
        shop.count_primes.on(on).enqueue_many([(4_000_000 + n,) for n in range(4)])
        shop.write_receipt.on(on).enqueue_many([(order,) for order in range(1, 41)])
        for task, args in BUILTIN.items():
            options = Options(queue=QUEUES[0])
            self.invocation.run(jobs.enqueue_many(task, codec.encode(args), options))
        shop.send_newsletter.options(delay="1d").on(on).enqueue()

    def enqueue_wave(self) -> None:
        from taskflow.examples import shop

        names = [(f"customer {self._wave * WAVE + n}",) for n in range(WAVE)]
        shop.greet.on(self.invocation.connection).enqueue_many(names)
        self._wave += 1

    def look(self) -> Scene:
        tenant = self.invocation.tenant
        counts = self.invocation.run(calls.counts(tenant, QUEUES, self.first_id))
        scene = Scene(counts, elapsed_s=self.elapsed_s)
        if self._limit_s is not None:
            scene.remaining_s = max(self._limit_s - self.elapsed_s, 0)
        now = time.monotonic()
        while len(self._looks) > 1 and self._looks[1][0] < now - RATE_OVER_S:
            self._looks.pop(0)
        before, finished = self._looks[0]
        scene.per_second = (scene.finished - finished) / max(now - before, 0.001)
        self._looks.append((now, scene.finished))
        return scene

    @contextmanager
    def screen(self, worker: DemoWorker) -> Iterator[Callable[[Scene], None]]:
        """What shows a scene: a live picture on a terminal, a line now and then elsewhere."""
        console = self.invocation.err
        if console.is_terminal and not self.invocation.is_json:
            from rich.live import Live

            with Live(console=console, auto_refresh=False, transient=True) as live:
                yield lambda scene: live.update(
                    demo_screen.draw(scene, worker.events(demo_screen.EVENTS)), refresh=True
                )
            return
        next_line = 0.0

        def line(scene: Scene) -> None:
            nonlocal next_line
            if scene.elapsed_s >= next_line:
                next_line = scene.elapsed_s + LINE_EVERY_S
                self.invocation.talk(demo_screen.plain(scene, worker.events(1)))

        yield line

    # --- the end ----------------------------------------------------------------------------------

    def tell(self) -> None:
        outcome = self.outcome()
        self.invocation.answer(outcome, lambda: list(summary(outcome)))

    def outcome(self) -> Outcome:
        run, tenant = self.invocation.run, self.invocation.tenant
        seconds = round(self.elapsed_s, 1)
        dead = run(calls.sample(tenant, "demo.charge", "dead", self.first_id))
        waiting = run(calls.sample(tenant, "demo.newsletter", "scheduled", self.first_id))
        groups = run(reads.dead_groups(tenant, 1, ["demo.charge"])) if dead else []
        return Outcome(
            run(calls.counts(tenant, QUEUES, self.first_id)),
            run(calls.receipts(tenant, self.first_id)),
            seconds,
            dead,
            waiting,
            groups[0].fingerprint if groups else None,
        )


def summary(outcome: Outcome) -> Iterator[Any]:
    scene = Scene(outcome.counts)
    found = outcome.receipts
    yield f"{scene.finished:,} jobs finished in {outcome.seconds:g} s."
    yield ""
    yield demo_screen.tasks(scene)
    yield ""
    yield (
        f"Receipts: {found.orders} orders, {found.rows} rows, although"
        f" {shapes.plural(found.failed_runs, 'run')} failed after writing: ctx.transaction()"
        " commits the row and the end of the job as one."
    )
    yield ""
    yield "Try next:"
    yield "  taskflow jobs list --state dead"
    if outcome.scheduled_id or outcome.dead_id:
        yield f"  taskflow why {outcome.scheduled_id or outcome.dead_id}"
    yield (
        f"  taskflow dlq show {outcome.fingerprint[:12]}"
        if outcome.fingerprint
        else "  taskflow dlq groups"
    )
