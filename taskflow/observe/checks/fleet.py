"""Checks of the workers and of the work that waits for them."""

from __future__ import annotations

from datetime import timedelta

from taskflow import __version__
from taskflow.calls import health, reads
from taskflow.kernel.durations import format_duration
from taskflow.kernel.phrases import plural
from taskflow.observe.checks.verdict import Sight, Verdict, fail, ok, warn

WAIT = timedelta(minutes=5)
DEATHS = 10
GROWTH = 3.0


def workers(sight: Sight) -> Verdict:
    found = sight.run(reads.workers())
    lost = [line for line in found if line.state == "lost"]
    if lost:
        said = ", ".join(f"{line.id} ({line.host or line.name}, pid {line.pid})" for line in lost)
        fix = "See whether they still run; their jobs go to others. Rows are removed after a day."
        return warn("workers", f"lost, without renewing their lease: {said}", fix)
    if not found:
        return warn("workers", "none is alive", "taskflow worker APP")
    return ok("workers", f"{len(found)} alive")


def versions(sight: Sight) -> Verdict:
    alive = [line for line in sight.run(reads.workers()) if line.state != "lost"]
    found = sorted({line.version or "unknown" for line in alive})
    if len(found) > 1:
        said = f"workers run {', '.join(found)}"
        return warn("versions", said, "Finish the rollout: restart the workers of the older one.")
    if found and found != [__version__]:
        said = f"workers run {found[0]}, this command is {__version__}"
        return warn("versions", said, "Bring both to one version.")
    return ok("versions", f"all on {__version__}" if alive else "no worker to compare")


def polling(sight: Sight) -> Verdict:
    alive = [line for line in sight.run(reads.workers()) if line.state == "alive"]
    deaf = [line for line in alive if not line.listening]
    if deaf:
        verb = "polls" if len(deaf) == 1 else "poll"
        said = f"{len(deaf)} of {plural(len(alive), 'worker')} {verb} instead of being woken"
        return warn("notifications", said, "See wake-ups above, and the log of worker "
                    f"{deaf[0].id}.")  # fmt: skip
    listen = "listens" if len(alive) == 1 else "listen"
    said = f"{plural(len(alive), 'worker')} {listen}" if alive else "no worker to listen"
    return ok("notifications", said)


def served(sight: Sight) -> Verdict:
    found = sight.run(health.unserved())
    if not found:
        return ok("served", "every due job has a worker that can take it")
    said, fixes = [], []
    if queues := [line for line in found if line.task is None]:
        names = ", ".join(f"{line.queue} (for {_age(line.oldest)})" for line in queues)
        said.append(f"jobs are due and no live worker serves {names}")
        fixes.append("taskflow worker APP " + " ".join(f"-q {line.queue}" for line in queues))
    if tasks := [line for line in found if line.task is not None]:
        names = ", ".join(
            f"{line.task} in {line.queue} (for {_age(line.oldest)})" for line in tasks
        )
        said.append(f"no live worker knows {names}")
        fixes.append("deploy the code that has them, or taskflow jobs cancel --task NAME")
    return fail("served", "; ".join(said), "; ".join(fixes))


def oldest(sight: Sight) -> Verdict:
    now = sight.run(reads.clock())
    waits = {
        line.name: now - line.oldest_due_at
        for line in sight.run(reads.queues(sight.app.settings.tenant))
        if line.oldest_due_at and not line.paused_at
    }
    if not waits:
        return ok("waiting", "nothing is due and waiting")
    name = max(waits, key=lambda queue: waits[queue])
    said = f"the oldest due job waits for {_age(waits[name])}, in {name}"
    if waits[name] > WAIT:
        return warn("waiting", said, "Add slots or workers: taskflow queues list, taskflow top.")
    return ok("waiting", said)


def claims(sight: Sight) -> Verdict:
    suspected, overlooked = sight.run(health.claims_in_doubt())
    if overlooked:
        said = f"{plural(overlooked, 'claim')} ran out a minute ago and nobody has looked there"
        return fail("claims", said, "Start a worker: it takes lost jobs back.")
    if suspected:
        said = f"{plural(suspected, 'claim')} ran out; the jobs go back within seconds"
        return warn("claims", said, "taskflow workers: see which one was lost.")
    return ok("claims", "no claim has run out")


def dead(sight: Sight) -> Verdict:
    found = sight.run(health.dying())
    if found.last_hour >= DEATHS and found.last_hour > GROWTH * found.per_hour_before:
        usual = f"{found.per_hour_before:,.1f} per hour in the day before"
        said = f"{found.last_hour:,} jobs died in the last hour, {usual}"
        return warn("dead jobs", said, "taskflow dlq groups")
    return ok("dead jobs", f"{found.last_hour:,} in the last hour")


def _age(value: timedelta) -> str:
    return format_duration(int(value.total_seconds()))
