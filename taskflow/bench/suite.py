"""Runs the chosen workloads, as often as asked, and keeps the figures together."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from taskflow.bench import measures
from taskflow.bench.fill import Sizes
from taskflow.bench.room import Figure, Room
from taskflow.bench.scratch import scratch
from taskflow.bench.workloads import BY_NAME_ONLY, WORKLOADS


class Line(msgspec.Struct):
    """One row of the table: a thing measured in every repetition."""

    workload: str
    what: str
    unit: str
    beside: str
    ours: list[float] = []
    theirs: list[float] = []
    load: float = 0.0
    """The highest load average at the start of a repetition: who else used the machine."""

    def add(self, figure: Figure, load: float) -> None:
        self.ours.append(figure.ours)
        if figure.theirs is not None:
            self.theirs.append(figure.theirs)
        self.load = max(self.load, load)

    @property
    def ratio(self) -> float | None:
        """The median of ours over theirs, each pair from one repetition."""
        if not self.theirs or not all(self.theirs):
            return None
        return statistics.median(a / b for a, b in zip(self.ours, self.theirs, strict=True))

    def plain(self) -> dict[str, Any]:
        return {
            "workload": self.workload,
            "what": self.what.strip(),
            "unit": self.unit,
            "taskflow": measures.spread(self.ours),
            "beside": self.beside or None,
            "reference": measures.spread(self.theirs) if self.theirs else None,
            "ratio": self.ratio,
            "load": round(self.load, 2),
        }


class Outcome(msgspec.Struct):
    """A whole run: its circumstances and its lines."""

    started_at: datetime
    machine: dict[str, Any]
    server: dict[str, Any]
    scale: float
    seconds: float
    repeat: int
    lines: list[Line] = []

    def plain(self) -> dict[str, Any]:
        kept = msgspec.structs.asdict(self)
        return {**kept, "lines": [line.plain() for line in self.lines]}


def run(
    server_url: str | None,
    only: Sequence[str],
    *,
    scale: float,
    seconds: float,
    repeat: int,
    sizes: Sizes,
    plans: bool,
    say: Callable[[str], None],
) -> Outcome:
    """Measures the workloads named (none: all but those for which a name is needed) in a scratch
    database, and leaves nothing behind."""
    with scratch(server_url, say) as place:
        outcome = Outcome(
            datetime.now(UTC), measures.machine(), measures.server(place.connection),
            scale, seconds, repeat,
        )  # fmt: skip
        lines: dict[tuple[str, str], Line] = {}
        for name in only or sorted(set(WORKLOADS) - BY_NAME_ONLY, key=list(WORKLOADS).index):
            for turn in range(repeat):
                of = f" ({turn + 1} of {repeat})" if repeat > 1 else ""
                load = measures.load_average()
                say(f"{name}{of}, load {load:.1f} ...")
                room = Room(place, scale, seconds, turn % 2 == 1, say, sizes, plans)
                for figure in WORKLOADS[name](room):
                    line = lines.setdefault(
                        (name, figure.what), Line(name, figure.what, figure.unit, figure.beside)
                    )
                    line.add(figure, load)
        outcome.lines = list(lines.values())
        return outcome
