"""Checks of the room that the database takes: write-ahead log that is kept, and the disk."""

from __future__ import annotations

import shutil
from pathlib import Path

from taskflow.calls import health
from taskflow.kernel.phrases import plural
from taskflow.observe.checks.verdict import Sight, Verdict, fail, ok, shown_bytes, warn

SLOT_BYTES = 1 << 30
"""WAL that a slot may keep; a reader of a busy queue is behind by some MB."""

WAL_TIMES = 2
"""Times max_wal_size: a checkpoint under way doubles it."""

FREE_BYTES = 2 << 30


def slots(sight: Sight) -> Verdict:
    """A slot whose reader has gone keeps all WAL since then, until the disk is full."""
    found = sight.run(health.slots())
    lost = [slot.name for slot in found if slot.wal_status == "lost"]
    if lost:
        said = f"the WAL that {', '.join(lost)} needs is gone"
        return warn("replication", said, _dropping(lost))
    bad = [slot for slot in found if slot.kept_bytes > SLOT_BYTES]
    if bad:
        said = ", ".join(
            f"slot {slot.name} keeps {shown_bytes(slot.kept_bytes)} of WAL"
            f" ({'its reader is behind' if slot.active else 'nobody reads it'})"
            for slot in bad
        )
        return warn("replication", said, _dropping([slot.name for slot in bad]))
    most = max((slot.kept_bytes for slot in found), default=0)
    if not found:
        return ok("replication", "no slot keeps WAL")
    said = f"{plural(len(found), 'slot')}, which keep at most {shown_bytes(most)} of WAL"
    return ok("replication", said)


def wal(sight: Sight) -> Verdict:
    found = sight.run(health.wal())
    if found.archive_failing:
        said = (
            f"archiving fails since {found.archive_failing:%Y-%m-%d %H:%M}Z: WAL is kept till then"
        )
        return fail("wal", said, "See archive_command, and the server's log.")
    if not found.readable:
        said = "its size may not be read by this user"
        return ok("wal", f"archiving does not fail; {said} (grant pg_monitor to USER)")
    size = sight.run(health.wal_bytes())
    if size > WAL_TIMES * found.max_bytes:
        said = f"it takes {shown_bytes(size)}, max_wal_size is {shown_bytes(found.max_bytes)}"
        return warn(
            "wal", said, "See replication above, wal_keep_size, and a checkpoint that hangs."
        )
    return ok("wal", f"it takes {shown_bytes(size)} of {shown_bytes(found.max_bytes)}")


def disk(sight: Sight) -> Verdict:
    """The database's size, and what is free where it lies, if that is a disk of this machine."""
    found = sight.run(health.storage())
    takes = f"the database takes {shown_bytes(found.database_bytes)}"
    if not found.directory or not found.is_local or not Path(found.directory).is_dir():
        return ok("disk", f"{takes}; what is free cannot be seen from here")
    free = shutil.disk_usage(found.directory).free
    said = f"{takes}, {shown_bytes(free)} are free"
    if free < FREE_BYTES:
        return warn("disk", said, "Make room before the server stops: see size and wal above.")
    return ok("disk", said)


def _dropping(names: list[str]) -> str:
    drops = " ".join(f"select pg_drop_replication_slot('{name}');" for name in names)
    return f"If nobody will read it any more: {drops}"
