"""Everything at once for a while; then the checker reads what is left.

TASKFLOW_CHAOS_SECONDS makes it longer, TASKFLOW_CHAOS_SEED repeats a run; the failure shows both.
"""

from __future__ import annotations

import os
import random
import shutil
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from taskflow.store import embedded
from tests.chaos import checker
from tests.chaos.rig import LEASE_S, Rig
from tests.support.proxy import Proxy

pytestmark = pytest.mark.chaos
SECONDS = float(os.environ.get("TASKFLOW_CHAOS_SECONDS", "60"))
SEED = int(os.environ.get("TASKFLOW_CHAOS_SEED", "0")) or random.randrange(1, 10**9)


@pytest.fixture
def directory() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="taskflow-chaos-"))
    yield made
    if os.environ.get("TASKFLOW_CHAOS_KEEP") != "1":
        shutil.rmtree(made, ignore_errors=True)


async def test_nothing_is_lost_and_nothing_counts_twice(directory: Path) -> None:
    print(f"seed {SEED}, {SECONDS:g} s")  # noqa: T201 - shown when it fails
    with embedded.start(directory / "pg", settings={"max_connections": "100"}) as server:
        async with Proxy(server.dsn) as proxy:
            rig = Rig(directory, SEED, SECONDS, server, proxy)
            await rig.run()
        found = checker.check(server.dsn, directory, second_look=timedelta(seconds=LEASE_S / 2))
        told = checker.summary(server.dsn)
        print(rig.faults, told)  # noqa: T201
    assert not found, f"seed {SEED}:\n" + "\n".join(found[:50])
    assert told["succeeded"] > SECONDS * 10
    assert told["lost"] > 0, "no lease was lost: the run was too gentle to prove anything"
    assert told["ledger"] > 0
    assert told["ticks"] > SECONDS
    assert told["followers"] > SECONDS / 2
    assert told["runs"] > SECONDS / 2
