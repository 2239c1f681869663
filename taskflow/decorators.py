"""The types of `@app.task(...)` and `@app.batch_handler(...)`: what they make of which handler."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Concatenate, ParamSpec, Protocol, TypeVar, overload

from taskflow.context import Context
from taskflow.task import Task

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")
Answers = Sequence[R | Exception] | None


class Decorator(Protocol):
    """What `@app.task(...)` does to a handler: its own signature stays, a leading Context goes."""

    @overload
    def __call__(self, fn: Callable[Concatenate[Context, P], Awaitable[R]], /) -> Task[P, R]: ...
    @overload
    def __call__(self, fn: Callable[Concatenate[Context, P], R], /) -> Task[P, R]: ...
    @overload
    def __call__(self, fn: Callable[P, Awaitable[R]], /) -> Task[P, R]: ...
    @overload
    def __call__(self, fn: Callable[P, R], /) -> Task[P, R]: ...


class BatchDecorator(Protocol):
    """What `@app.batch_handler(...)` does to a handler of many: a task for one of them."""

    @overload
    def __call__(
        self, fn: Callable[[list[Context], list[T]], Awaitable[None] | None], /
    ) -> Task[[T], None]: ...
    @overload
    def __call__(
        self, fn: Callable[[list[Context], list[T]], Awaitable[Answers[R]] | Answers[R]], /
    ) -> Task[[T], R]: ...
    @overload
    def __call__(self, fn: Callable[[list[T]], Awaitable[None] | None], /) -> Task[[T], None]: ...
    @overload
    def __call__(
        self, fn: Callable[[list[T]], Awaitable[Answers[R]] | Answers[R]], /
    ) -> Task[[T], R]: ...
