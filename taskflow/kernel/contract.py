"""The contract of a task: which version its arguments have, and how older ones become it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal

from taskflow.errors import InvalidDefinition
from taskflow.kernel import codec

Check = Literal["off", "warn", "reject"]
Upgrade = Callable[[dict[str, Any]], dict[str, Any]]
MAX_VERSION = 1_000


class Contract:
    """`check` is what the database does with arguments of callers from SQL that do not fit."""

    def __init__(
        self, version: int = 1, check: Check = "reject", aliases: Iterable[str] = ()
    ) -> None:
        if not 1 <= version <= MAX_VERSION:
            raise InvalidDefinition(
                f"version is {version}, it must be 1 to {MAX_VERSION}", "Count it up by one."
            )
        if check not in ("off", "warn", "reject"):
            raise InvalidDefinition(f"check is {check!r}", "Use off, warn or reject.")
        self.version = version
        self.check: Check = check
        self.aliases = tuple(aliases)
        """Earlier names of the task, under which jobs may still wait."""
        self._steps: dict[int, Upgrade] = {}

    def step(self, version: int) -> Callable[[Upgrade], Upgrade]:
        """Registers what makes arguments of the next version of those of `version`."""
        if not 1 <= version < self.version:
            raise InvalidDefinition(
                f"arguments of version {version} cannot be migrated to {self.version}",
                "Migrate from 1 to the version before the task's own.",
            )

        def register(upgrade: Upgrade) -> Upgrade:
            self._steps[version] = upgrade
            return upgrade

        return register

    def upgraded(self, args: str, version: int) -> str:
        """Stored arguments of an older version as those of this one. Versions without a step of
        their own are taken as they are."""
        steps = [self._steps[v] for v in range(version, self.version) if v in self._steps]
        if not steps:
            return args
        values: dict[str, Any] = codec.decode(args)
        for step in steps:
            values = step(values)
        return codec.encode(values).decode()
