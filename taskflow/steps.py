"""Durable steps: parts of a handler that are done once, however often the job runs.

A step's result is saved before the handler goes on; a later attempt gets it instead of doing the
step again. Between the end of a step and its saving a worker may die: then the step is done again,
unless it writes to Postgres on the connection that it is saved on.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, get_type_hints

import msgspec

from taskflow.calls import records
from taskflow.errors import (
    DatabaseUnreachable,
    InvalidDefinition,
    InvalidJson,
    LeaseLost,
    SyncCallInLoop,
)
from taskflow.kernel import codec
from taskflow.kernel.records import StepLine, check_step_name
from taskflow.store import guest

if TYPE_CHECKING:
    from taskflow.context import Context
    from taskflow.store.call import Call

TRIES = 3
"""How often a save is sent whose reply was lost: a step that is done should not be done again."""


class Steps:
    """The steps of one run, and what earlier ones have left."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._saved: dict[str, bytes] | None = {} if context.claim_no == 1 else None
        self._begun: set[str] = set()

    def may_await(self, step: Step) -> bool:
        """Is the step's function async? Raises `InvalidDefinition` where nobody could await it."""
        if not step.is_async:
            return False
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            raise _wrong_colour(step.name) from None
        return True

    def do(self, step: Step) -> Any:
        """In a `def` handler."""
        self._refuse_in_loop(step.name)
        self._begin(step.name)
        if self._saved is None:
            self._learn(self._context.app.run(self._ask()))
        if (raw := self._of(step.name)) is None:
            value = step.fn(*step.args, **step.kwargs)
            if inspect.isawaitable(value):
                if inspect.iscoroutine(value):
                    value.close()
                raise _wrong_colour(step.name)
            raw = self._encode(value)
            self._check(step.name, self._save(step, raw))
        return step.decode(raw)

    async def ado(self, step: Step) -> Any:
        """In an `async def` handler."""
        self._begin(step.name)
        if self._saved is None:
            self._learn(await self._context.app.arun(self._ask()))
        if (raw := self._of(step.name)) is None:
            value = step.fn(*step.args, **step.kwargs)
            if inspect.isawaitable(value):
                value = await value
            raw = self._encode(value)
            self._check(step.name, await self._asave(step, raw))
        return step.decode(raw)

    def _begin(self, name: str) -> None:
        check_step_name(name)
        context = self._context
        context.raise_if_cancelled()
        if name in self._begun:
            raise InvalidDefinition(
                f'the step "{name}" was begun before in this run',
                "Give each step of a job a name of its own; in a loop, put what it is about into"
                ' it: f"charge {order_id}".',
            )
        if context.is_settled:
            raise LeaseLost.of(
                context.job_id,
                f'job {context.job_id} is settled, so the step "{name}" cannot be saved any more',
                "Do the steps before, or inside, ctx.transaction().",
            )
        self._begun.add(name)

    def _refuse_in_loop(self, name: str) -> None:
        if self._context.app.is_blocking_loop():
            raise SyncCallInLoop.calling(
                f'ctx.step("{name}") with a def function', f'await ctx.astep("{name}", ...)'
            )

    def _ask(self) -> Call[list[StepLine]]:
        return records.get_steps(self._context.job_id, self._context.tenant)

    def _learn(self, lines: list[StepLine]) -> None:
        self._saved = {line.name: bytes(line.result or b"null") for line in lines}

    def _of(self, name: str) -> bytes | None:
        assert self._saved is not None
        return self._saved.get(name)

    def _encode(self, value: Any) -> bytes:
        return codec.encode_result(value, limit=self._context.app.settings.max_result_bytes)

    def _save(self, step: Step, raw: bytes) -> records.Saved:
        call = self._call(step.name, raw)
        if step.on is not None:
            return guest.run_on(step.on, call)
        for _ in range(TRIES - 1):
            try:
                return self._context.app.run(call)
            except DatabaseUnreachable:
                continue
        return self._context.app.run(call)

    async def _asave(self, step: Step, raw: bytes) -> records.Saved:
        call = self._call(step.name, raw)
        if step.on is not None:
            return await guest.arun_on(step.on, call)
        for _ in range(TRIES - 1):
            try:
                return await self._context.app.arun(call)
            except DatabaseUnreachable:
                continue
        return await self._context.app.arun(call)

    def _call(self, name: str, raw: bytes) -> Call[records.Saved]:
        return records.save_step(self._context.claimed, name, raw)

    def _check(self, name: str, saved: records.Saved) -> None:
        if saved == "stale":
            job_id = self._context.job_id
            raise LeaseLost.of(
                job_id,
                f'job {job_id} is no longer this worker\'s, so its step "{name}" is not saved',
            )


class UnsavedSteps(Steps):
    """Of a run with no job behind it: done, checked, and forgotten."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._saved = {}

    def _refuse_in_loop(self, name: str) -> None:
        """Nothing here waits for a database."""

    def _save(self, step: Step, raw: bytes) -> records.Saved:  # noqa: ARG002
        return "applied"

    async def _asave(self, step: Step, raw: bytes) -> records.Saved:  # noqa: ARG002
        return "applied"


class Step(msgspec.Struct, frozen=True):
    """What is to be done under a name."""

    name: str
    fn: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    result_type: Any = None
    on: Any = None

    @property
    def is_async(self) -> bool:
        call = getattr(self.fn, "__call__", None)  # noqa: B004 - its kind is asked, not its being
        return inspect.iscoroutinefunction(self.fn) or inspect.iscoroutinefunction(call)

    def decode(self, raw: bytes) -> Any:
        """The saved result as the type that was asked for or that the function says it returns.

        The first run gets it this way too: what would differ later should differ at once.
        """
        kind = self.result_type if self.result_type is not None else _returned(self.fn)
        try:
            return codec.decode(raw, kind)
        except InvalidJson as error:
            raise InvalidJson(
                f'the saved result of step "{self.name}" does not fit its type: {error.message}',
                "An earlier version of the code may have saved it: give the step another name, or"
                " a result_type that takes both.",
            ) from None


def _returned(fn: Callable[..., Any]) -> Any:
    try:
        hint = get_type_hints(fn).get("return", Any)
        msgspec.json.Decoder(hint, dec_hook=codec.dec_hook)
    except Exception:  # noqa: BLE001 - annotations are the user's code, and need not resolve
        return Any
    return hint


def _wrong_colour(name: str) -> InvalidDefinition:
    return InvalidDefinition(
        f'the step "{name}" of a def handler has an async function',
        "Make the handler async def, or the step's function def.",
    )
