"""`python -m taskflow.bench.player ROLE JSON`: plays one role in a process of its own.

Prints what it measured as JSON. The parent measures everything else from outside.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import msgspec

from taskflow.bench import bare, load, producers

ROLES: dict[str, Callable[..., Any]] = {
    "one": producers.one,
    "one-bare": bare.insert_one,
    "many-clients": producers.many_clients,
    "many-clients-bare": bare.insert_many_clients,
    "bulk": producers.bulk,
    "bulk-bare": bare.copy,
    "drain-bare": bare.drain,
    "answer-bare": bare.answer,
    "trickle": producers.trickle,
    "flow": producers.flow,
    "flow-bare": bare.flow,
    "load": load.load,
}


def main() -> None:
    role, given = sys.argv[1:3]
    answer = ROLES[role](**msgspec.json.decode(given))
    sys.stdout.buffer.write(msgspec.json.encode(answer))


if __name__ == "__main__":
    main()
