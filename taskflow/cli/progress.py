"""Progress of something long, on stderr: a bar after a second, or a line now and then in a log."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Any, Self

from taskflow.cli import shapes
from taskflow.cli.invocation import Invocation

BAR_AFTER = 1.0
LINE_EVERY = 10.0


class Progress:
    """`with Progress(...) as progress: progress.advance(100)`. Quiet for what is quickly done."""

    def __init__(self, invocation: Invocation, verb: str, total: int) -> None:
        self._invocation = invocation
        self._verb = verb
        self._total = total
        self._started = self._said = time.monotonic()
        self._bar: Any = None
        self._task: Any = None
        self.done = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
        if self.done and error is not None and not isinstance(error, BrokenPipeError):
            self._invocation.talk(f"{self._verb}: stopped at {self.done:,} of {self._total:,}.")

    def advance(self, count: int) -> None:
        self.done += count
        now = time.monotonic()
        if self._invocation.err.is_terminal:
            if self._bar is None and now - self._started >= BAR_AFTER:
                self._open()
            if self._bar is not None:
                rate = f"{self.done / max(now - self._started, 0.001):,.0f}/s"
                self._bar.update(self._task, completed=self.done, rate=rate)
        elif now - self._said >= LINE_EVERY:
            self._said = now
            self._invocation.talk(self._line(now))

    def _open(self) -> None:
        from rich import progress

        self._bar = progress.Progress(
            progress.TextColumn("{task.description}"),
            progress.BarColumn(bar_width=30, complete_style="cyan", finished_style="cyan"),
            progress.TextColumn("{task.completed:,.0f} of {task.total:,.0f}"),
            progress.TextColumn("{task.fields[rate]}", style="dim"),
            progress.TimeRemainingColumn(compact=True),
            console=self._invocation.err,
            transient=True,
        )
        self._task = self._bar.add_task(self._verb, total=self._total, rate="")
        self._bar.start()

    def _line(self, now: float) -> str:
        rate = self.done / max(now - self._started, 0.001)
        left = shapes.age((self._total - self.done) / rate) if rate else "?"
        return f"{self._verb}: {self.done:,} of {self._total:,}, {rate:,.0f}/s, {left} left"
