"""Health checks: each looks at one thing and says pass, warn or fail, why, and what to do.

Two rules. A check changes nothing. And one that cannot look (rights, an old server) says so as a
warning, because silence would read as health.
"""

from __future__ import annotations

from collections.abc import Iterator

from taskflow.app import Taskflow
from taskflow.errors import TaskflowError
from taskflow.observe.checks import connection, fleet, plans, settings, storage, tables
from taskflow.observe.checks.verdict import Check, Sight, Verdict, warn

GROUPS: dict[str, tuple[Check, ...]] = {
    "Settings": (settings.environment,),
    "Database": (
        connection.server,
        connection.writable,
        connection.schema,
        connection.objects,
        connection.roles,
        connection.wake_ups,
        connection.clock,
        connection.connections,
        connection.durability,
    ),
    "Tables": (
        tables.autovacuum,
        tables.dead_rows,
        tables.bloat,
        tables.old_snapshots,
        tables.indexes,
        tables.partitions,
    ),
    "Storage": (storage.slots, storage.wal, storage.disk),
    "Work": (
        fleet.workers,
        fleet.versions,
        fleet.polling,
        fleet.served,
        fleet.oldest,
        fleet.claims,
        fleet.dead,
        plans.schedules,
    ),
}


def run(app: Taskflow) -> Iterator[Verdict]:
    """Every verdict, as it is found. Ends early when there is no database or no schema to check."""
    sight = Sight(app)
    try:
        for group, checks in GROUPS.items():
            for check in checks:
                verdict = _look(check, sight)._replace(group=group)
                yield verdict
                if verdict.is_last:
                    return
    finally:
        sight.close()


def _look(check: Check, sight: Sight) -> Verdict:
    try:
        return check(sight)
    except Exception as error:  # noqa: BLE001 - one check that breaks must not hide the others
        name = check.__name__.replace("_", " ")
        said = str(error) if isinstance(error, TaskflowError) else str(error).partition("\n")[0]
        return warn(name, f"could not be checked: {said}", "Run it as a user who may look.")


__all__ = ["GROUPS", "Verdict", "run"]
