"""A claimed job made from nothing, for tests that need no database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from taskflow.kernel.job import Claimed

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def claimed(**given: Any) -> Claimed:
    standard: dict[str, Any] = {
        "id": 7, "claim_no": 2, "tenant": "default", "queue": "mail", "task": "send", "args": "{}",
        "attempt": 1, "max_attempts": 5, "lost": 0, "priority": 2, "run_at": NOW, "timeout": None,
        "lease_until": NOW + timedelta(minutes=1), "tags": None, "meta": None, "batch_id": 1,
    }  # fmt: skip
    return Claimed(**(standard | given))
