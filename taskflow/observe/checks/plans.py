"""Checks of schedules: are their ticks fired, and by whom are they still declared?"""

from __future__ import annotations

from taskflow.calls import schedules as calls
from taskflow.kernel.durations import format_duration
from taskflow.observe.checks.verdict import Sight, Verdict, fail, ok, warn

SHOWN = 5


def schedules(sight: Sight) -> Verdict:
    found = sight.run(calls.troubled())
    overdue = [f"{line.name} (for {format_duration(int(line.late_by_s))})"
               for line in found if line.trouble == "overdue"]  # fmt: skip
    broken = [line.name for line in found if line.trouble == "broken"]
    missed = [f"{line.name} ({line.count})" for line in found if line.trouble == "missed"]
    orphaned = [line.name for line in found if line.trouble == "orphaned"]
    if overdue:
        fix = "Start a worker, any fires all schedules; taskflow schedules show NAME says more."
        return fail("schedules", f"due and not fired: {_few(overdue)}", fix)
    if broken:
        said = f"paused because their ticks cannot be computed: {_few(broken)}"
        return fail("schedules", said, f"taskflow schedules show {broken[0]}")
    if missed:
        said = f"ticks that made no job in the last day: {_few(missed)}"
        return warn("schedules", said, "taskflow schedules ticks NAME says why, backfill makes up.")
    if orphaned:
        said = f"declared by code that no live worker runs: {_few(orphaned)}"
        return warn("schedules", said, f"taskflow schedules delete {orphaned[0]}")
    return ok("schedules", "every tick has been fired")


def _few(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
