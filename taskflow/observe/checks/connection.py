"""Checks of the way to the database, the schema in it, and what the server promises."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

from taskflow.calls import health, reads
from taskflow.errors import DatabaseUnreachable
from taskflow.kernel.phrases import plural
from taskflow.observe.checks.verdict import Sight, Verdict, fail, ok, warn
from taskflow.store import migrate
from taskflow.store.listen import CHANNEL
from taskflow.store.pool import connect

OLDEST = 15
SKEW = timedelta(seconds=2)
NOTIFY_SECONDS = 2.0
SLOTS_PER_CONNECTION = 10
PER_WORKER = 3
"""Connections of a worker besides its pool: work, leases, LISTEN."""


def server(sight: Sight) -> Verdict:
    try:
        found = sight.run(health.server())
    except DatabaseUnreachable as error:
        fix = "Start the server; taskflow config show says where the address comes from."
        return fail("connection", error.message, fix, is_last=True)
    major = found.version_number // 10_000
    if major < OLDEST:
        said = f"the server is PostgreSQL {major}, taskflow needs {OLDEST} or newer"
        return fail("connection", said, "Upgrade the server.", is_last=True)
    version = " ".join(found.version.split()[:2])
    return ok("connection", f"{version}, database {found.database}, as {found.user}")


def writable(sight: Sight) -> Verdict:
    found = sight.run(health.server())
    if found.in_recovery:
        return fail(
            "writes", "the server is a standby: it takes no writes", "Connect to the primary."
        )
    if found.read_only:
        return fail(
            "writes", "transactions are read-only here", "Set default_transaction_read_only = off."
        )
    return ok("writes", "the server takes writes")


def schema(sight: Sight) -> Verdict:
    found = migrate.status(sight.app.dsn)
    if found.revision is None:
        return fail("schema", "it is not installed", "taskflow db upgrade", is_last=True)
    if found.revision != found.head:
        said = f"it is at {found.revision}, this version needs {found.head}"
        known = found.revision < found.head
        fix = "taskflow db upgrade" if known else "Upgrade the taskflow-pg package."
        return fail("schema", said, fix, is_last=True)
    if found.changed:
        said = f"{plural(len(found.changed), 'function')} older in the database than here"
        return fail("schema", said, "taskflow db upgrade")
    return ok("schema", f"at {found.revision}, as this version needs it")


def objects(sight: Sight) -> Verdict:
    problems = [said for said in migrate.verify(sight.app.dsn) if "by hand" in said]
    if problems:
        return warn("functions", " ".join(problems), "taskflow db verify")
    return ok("functions", "none was changed by hand")


def roles(sight: Sight) -> Verdict:
    missing = sight.run(health.missing_roles())
    if missing:
        create = " ".join(f"create role {name} nologin;" for name in missing)
        fix = f"As a user who may: {create} Then taskflow db upgrade."
        return warn("roles", f"missing: {', '.join(missing)}", fix)
    barred = sight.run(health.rights())
    if barred:
        said = f"this user may not call {', '.join(barred)}"
        return warn("roles", said, "grant taskflow_operator to USER, for an operator.")
    return ok("roles", "producer, worker and operator are there; this user may operate")


def wake_ups(sight: Sight) -> Verdict:
    """Listens on one connection and tells from another: the only proof that LISTEN arrives."""
    settings = sight.app.settings
    if settings.pooled and not settings.listen_url:
        said = "off: database_url is a pooler and listen_url is not set, so workers poll"
        return warn("wake-ups", said, "Set listen_url to a direct connection.")
    where = settings.listen_url or sight.app.dsn
    token = f"doctor {uuid.uuid4().hex}"
    with connect(where, sight.app.connection_settings("taskflow doctor")) as listening:
        listening.execute(f"listen {CHANNEL}")
        sight.run(health.tell(token))
        for notification in listening.notifies(timeout=NOTIFY_SECONDS):
            if notification.payload == token:
                return ok("wake-ups", "a notification arrived")
    said = "LISTEN was accepted, but the notification never came: a transaction pooler in between"
    fix = "Set listen_url to a direct connection and pooled = true, or use session pooling."
    return fail("wake-ups", said, fix)


def clock(sight: Sight) -> Verdict:
    before = datetime.now(UTC)
    there = sight.run(reads.clock())
    middle = before + (datetime.now(UTC) - before) / 2
    skew = abs(there - middle)
    if skew > SKEW:
        said = f"this machine and the database differ by {skew.total_seconds():.1f} s"
        fix = "Set the clocks by NTP. The queue itself runs on the database's alone."
        return warn("clock", said, fix)
    return ok("clock", f"within {max(skew.total_seconds(), 0.001):.3f} s of the database's")


def connections(sight: Sight) -> Verdict:
    """Does the server have room for what the workers may open, and the pool for the slots?"""
    found = sight.run(health.server())
    settings = sight.app.settings
    alive = [line for line in sight.run(reads.workers()) if line.state != "lost"]
    room = found.max_connections - found.reserved_connections
    wanted = len(alive) * (settings.pool_size + PER_WORKER)
    if max(wanted, found.connections) > 0.9 * room:
        said = (
            f"{found.connections} of {room} are in use;"
            f" {plural(len(alive), 'worker')} may open {wanted}"
        )
        return warn("connections", said, "Raise max_connections, lower pool_size, or use a pooler.")
    if settings.slots > SLOTS_PER_CONNECTION * settings.pool_size:
        said = f"{settings.slots} slots share a pool of {settings.pool_size}"
        fix = "Raise pool_size if handlers use ctx.transaction(), or lower slots."
        return warn("connections", said, fix)
    return ok("connections", f"{found.connections} of {room} in use")


def durability(sight: Sight) -> Verdict:
    found = sight.run(health.server())
    if not found.fsync:
        said = "fsync is off: a crash of the machine can destroy the database"
        return fail(
            "durability", said, "alter system set fsync = on;  then select pg_reload_conf();"
        )
    if not found.full_page_writes:
        said = "full_page_writes is off: a crash can tear pages"
        return warn("durability", said, "alter system set full_page_writes = on;")
    if found.synchronous_commit == "off":
        said = "synchronous_commit is off: a crash forgets the jobs of the last moments"
        return warn("durability", said, "alter system set synchronous_commit = on;")
    return ok("durability", f"fsync on, synchronous_commit {found.synchronous_commit}")
