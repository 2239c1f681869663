"""Chains and groups: workflows in one line, made of calls that are not made yet.

`fetch.s("eu") | clean.s() | store.s()` passes each result on as the first argument of the next;
`group([...]).then(merge.s())` passes the list of all results. They become a definition without a
name, so all that holds for workflows holds for them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

import msgspec

from taskflow.errors import InvalidOption
from taskflow.kernel import codec

if TYPE_CHECKING:
    from taskflow.app import Taskflow
    from taskflow.flow import Flow, Node
    from taskflow.run import RunHandle
    from taskflow.task import Enqueuer

R = TypeVar("R")
S = TypeVar("S")
MAX_PARTS = 10_000


class Stage(Generic[R]):
    """What can stand in a chain or a group: a call, a chain, a group. `R` is what it gives."""

    def __or__(self, other: Stage[S]) -> Chain[S]:
        """One after the other."""
        return Chain([self, other])

    def then(self, other: Stage[S]) -> Chain[S]:
        """The same as `|`: the next one gets what this one gives."""
        return self | other

    def enqueue(self, *, conn: Any = None) -> RunHandle[R]:
        """Starts it; with `conn`, inside the transaction of that connection."""
        return cast("RunHandle[R]", self._flow().start(conn=conn))

    async def aenqueue(self, *, conn: Any = None) -> RunHandle[R]:
        """`enqueue` for async code."""
        return cast("RunHandle[R]", await self._flow().astart(conn=conn))

    def definition(self) -> dict[str, Any]:
        """The JSON that `taskflow.run_definition` takes."""
        return self._flow().definition()

    # --- for each kind to say ---------------------------------------------------------------------

    def calls(self) -> Iterable[Part[Any]]:
        """The calls in it."""
        raise NotImplementedError

    def build(self, flow: Flow, before: Before) -> Before:
        """Adds its nodes behind those before it; answers its own last ones and what they give."""
        raise NotImplementedError

    def decode(self, raw: bytes) -> Any:
        """What it gives, from JSON."""
        raise NotImplementedError

    def _flow(self) -> Flow:
        from taskflow.flow import Flow

        calls = list(self.calls())
        if not calls:
            raise InvalidOption("there is nothing in it", "Give it at least one call: task.s(...).")
        if len(calls) > MAX_PARTS:
            raise InvalidOption(
                f"it holds {len(calls):,} calls, the limit is {MAX_PARTS:,}",
                "Run one node for many items: flow.add(...).for_each(...).",
            )
        flow = Flow(calls[0].app, None)
        flow.returns(self.build(flow, Before([], None, False)).value)
        flow.decoder = self.decode
        return flow


class Before(msgspec.Struct, frozen=True):
    """What a stage comes after: the last nodes of the one before, and the place of its result."""

    nodes: list[Any]
    value: Any
    has_value: bool


class Part(Stage[R]):
    """A call of a task that is not made yet: `task.s(...)`."""

    def __init__(
        self,
        task: Enqueuer[..., R],
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        *,
        takes_result: bool = True,
    ) -> None:
        self.task = task
        self.args = args
        self.kwargs = kwargs
        self._takes_result = takes_result

    def __repr__(self) -> str:
        return f"<Part {self.task.task.name}>"

    @property
    def app(self) -> Taskflow:
        return self.task.task.app

    def calls(self) -> Iterable[Part[Any]]:
        return [self]

    def build(self, flow: Flow, before: Before) -> Before:
        args = self.args
        if before.has_value and self._takes_result:
            args = (before.value, *args)
        node: Node[Any] = flow.add(self.task, *args, **self.kwargs).after(*before.nodes)
        return Before([node], node.out, True)

    def decode(self, raw: bytes) -> Any:
        return self.task.task.signature.decode_result(raw)


class Chain(Stage[R]):
    """Stages one after the other; gives what the last one gives."""

    def __init__(self, stages: Iterable[Stage[Any]]) -> None:
        self._stages: list[Stage[Any]] = []
        for stage in stages:
            self._stages += stage._stages if isinstance(stage, Chain) else [stage]

    def calls(self) -> Iterable[Part[Any]]:
        return (call for stage in self._stages for call in stage.calls())

    def build(self, flow: Flow, before: Before) -> Before:
        for stage in self._stages:
            before = stage.build(flow, before)
        return before

    def decode(self, raw: bytes) -> Any:
        return self._stages[-1].decode(raw)


class Group(Stage[list[R]]):
    """Stages side by side; gives the list of what they give, in their order."""

    def __init__(self, stages: Iterable[Stage[R]]) -> None:
        self._stages = list(stages)

    def calls(self) -> Iterable[Part[Any]]:
        return (call for stage in self._stages for call in stage.calls())

    def build(self, flow: Flow, before: Before) -> Before:
        ends = [stage.build(flow, before) for stage in self._stages]
        nodes = [node for end in ends for node in end.nodes]
        return Before(nodes, [end.value for end in ends], True)

    def decode(self, raw: bytes) -> Any:
        decoders: list[Callable[[bytes], Any]] = [stage.decode for stage in self._stages]
        parts = codec.decode(raw, list[msgspec.Raw])
        return [decode(bytes(part)) for decode, part in zip(decoders, parts, strict=True)]
