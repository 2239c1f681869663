"""A workflow written in Python: nodes that call tasks, with edges where one uses another's result.

`flow.add(task, ...)` takes the arguments of the task itself; the result of another node stands for
a value of its type as `node.out`, so a type checker sees a wrong edge at the call. What comes out
is the JSON definition that SQL takes, and the database checks it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Generic, Literal, ParamSpec, TypeVar, cast

from taskflow.calls import flows
from taskflow.errors import InvalidOption
from taskflow.kernel import codec
from taskflow.kernel.durations import Duration, parse_duration
from taskflow.kernel.flow import Saved, Started
from taskflow.kernel.refs import Ref, holds_ref, refs_in, spell, template
from taskflow.run import RunHandle
from taskflow.store import guest

if TYPE_CHECKING:
    from taskflow.app import Taskflow
    from taskflow.store.call import Call
    from taskflow.task import Enqueuer

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S")
OnFailure = Literal["fail", "continue", "compensate"]
MAX_DEFINITION_BYTES = 16_777_216
_STEP = re.compile(r'\$\.steps\.(?:"([\w-]+)"|(\w+))')
_TIED = (
    "run_at", "deadline", "unique_key", "unique_by", "unique_scope", "unique_while", "unique_for",
    "on_conflict", "replace", "depends_on", "on_parent_failure", "tenant",
)  # fmt: skip


class Node(Generic[R]):
    """One node of a flow; each method says one more thing about it and answers it again."""

    def __init__(self, flow: Flow, name: str, spec: dict[str, Any]) -> None:
        self._flow = flow
        self._spec = spec
        self._needs: dict[Node[Any], OnFailure | None] = {}
        self.name = name

    def __repr__(self) -> str:
        return f"<Node {self.name}>"

    @property
    def out(self) -> R:
        """What its task returns, as an argument of another node: `flow.add(store, fetch.out)`.

        A place and not a value: it can be passed on, as a whole or in part, and written into a
        condition. Whoever uses it runs after this node.
        """
        return cast("R", NodeRef(self, "result"))

    @property
    def error(self) -> str | None:
        """What it failed with, for nodes that run all the same."""
        return cast("str | None", NodeRef(self, "error"))

    @property
    def state(self) -> str:
        """succeeded, skipped, failed or cancelled."""
        return cast("str", NodeRef(self, "state"))

    def named(self, name: str) -> Node[R]:
        """Another name than its task's."""
        self._flow.rename(self, name)
        return self

    def after(self, *nodes: Node[Any], on_failure: OnFailure | None = None) -> Node[R]:
        """Runs after these, too. `on_failure` says what their failure does: fail the run,
        continue with this node, or compensate."""
        for node in nodes:
            self._need(node, on_failure)
        return self

    def when(self, condition: str) -> Node[R]:
        """Runs only if this is true, an SQL/JSON path: f"{order.out.total} > 100".

        Else it is skipped, and so is what comes after skipped nodes only.
        """
        self._spec["when"] = condition
        for quoted, plain in _STEP.findall(condition):
            if (found := self._flow.nodes.get(quoted or plain)) is not None:
                self._need(found, None)
        return self

    def for_each(
        self, items: Iterable[Any] | str, max_parallel: int | None = None
    ) -> Node[list[R]]:
        """Runs once for each item, and gives the list of what they gave. `items` is a place, such
        as `listed.out`, or a path; the item itself is `flow.item`, its number `flow.index`."""
        self._spec["for_each"] = items if isinstance(items, Ref) else str(items)
        if max_parallel is not None:
            self._spec["max_parallel"] = max_parallel
        if isinstance(items, Ref):
            self._need_refs([items])
        return cast("Node[list[R]]", self)

    def on_failure(self, policy: OnFailure) -> Node[R]:
        """What its failure does where those after it do not say: fail, continue or compensate."""
        self._spec["on_failure"] = policy
        return self

    def compensate(self, task: Enqueuer[P, Any], *args: P.args, **kwargs: P.kwargs) -> Node[R]:
        """The task that undoes it, when a later failure says compensate."""
        call, _ = task_call(task, args, kwargs)
        self._spec["compensate"] = call
        return self

    def _need(self, node: Node[Any], on_failure: OnFailure | None) -> None:
        if node is self or self._flow.nodes.get(node.name) is not node:
            raise InvalidOption(
                f'node "{self.name}" cannot come after {node!r}', "Name another node of this flow."
            )
        self._needs[node] = on_failure or self._needs.get(node)

    def _need_refs(self, refs: Iterable[Ref]) -> None:
        for ref in refs:
            if isinstance(ref, NodeRef):
                self._need(ref.node, None)

    def as_json(self) -> dict[str, Any]:
        needs = [
            {"node": node.name, "on_failure": policy} if policy else node.name
            for node, policy in self._needs.items()
        ]
        spec = {name: _spelt(name, value) for name, value in self._spec.items()}
        return {**spec, "needs": needs} if needs else spec


class NodeRef(Ref):
    """A place in the end of a node; follows it when it is named anew."""

    __slots__ = ("node",)

    def __init__(self, node: Node[Any], part: str, rest: str = "") -> None:
        super().__init__(lambda: f"$.steps.{spell(node.name)}.{part}", rest)
        self.node = node

    def __getitem__(self, key: str | int) -> Ref:
        below = super().__getitem__(key)
        made = NodeRef.__new__(NodeRef)
        made._of, made._rest, made.node = below._of, below._rest, self.node
        return made


class Flow:
    """A workflow under a name, made of nodes. Saved when it is started, if it has changed."""

    input: Any
    """What the run was started with: `flow.input.region`."""
    item: Any
    """The item of a `for_each` node, for its own arguments."""
    index: int
    """The number of that item, from 0."""

    def __init__(self, app: Taskflow, name: str | None) -> None:
        self.app = app
        self.name = name
        self.nodes: dict[str, Node[Any]] = {}
        self._output: Any = None
        self.decoder: Callable[[bytes], Any] = codec.decode
        self.input = Ref(lambda: "$.input")
        self.item = Ref(lambda: "$.item")
        self.index = cast("int", Ref(lambda: "$.index"))

    # --- nodes ------------------------------------------------------------------------------------

    def add(self, task: Enqueuer[P, R], *args: P.args, **kwargs: P.kwargs) -> Node[R]:
        """A node that runs a task: `flow.add(fetch, region)`, `flow.add(fetch.options(...), ...)`.

        Arguments are checked as by enqueue, but for those that are, or hold, a place like
        `other.out`: then it runs after that node.
        """
        call, refs = task_call(task, args, kwargs)
        return self._put(task.task.__name__, call, refs)

    def signal(self, name: str, timeout: Duration | None = None) -> Node[Any]:
        """A node that waits for a signal, holding no slot, and gives its payload. Without one
        within `timeout` it fails."""
        spec: dict[str, Any] = {"signal": name}
        if timeout is not None:
            spec["timeout"] = parse_duration(timeout, what="timeout").total_seconds()
        return self._put(name, spec)

    def delay(self, duration: Duration) -> Node[None]:
        """A node that waits for a time, holding no slot."""
        return self._put("delay", {"delay": parse_duration(duration, what="delay").total_seconds()})

    def workflow(
        self, workflow: str | Flow, input: Mapping[str, Any] | None = None,  # noqa: A002
        version: int | None = None,
    ) -> Node[Any]:  # fmt: skip
        """A node that is a run of another workflow, by its name: the latest version then saved,
        unless one is named. It gives that workflow's output."""
        name = workflow.name if isinstance(workflow, Flow) else workflow
        spec: dict[str, Any] = {"workflow": name, "input": input or {}}
        if version is not None:
            spec["version"] = version
        return self._put(str(name).rpartition(".")[2], spec, refs_in(input))

    def returns(self, output: Any) -> None:
        """What the run gives: a place, or JSON that holds places."""
        self._output = output

    def rename(self, node: Node[Any], name: str) -> None:
        if self.nodes.setdefault(name, node) is not node:
            raise InvalidOption(f'two nodes are called "{name}"', "Give one of them another name.")
        if name != node.name:
            del self.nodes[node.name]
            node.name = name

    def _put(self, name: str, spec: dict[str, Any], refs: Iterable[Ref] = ()) -> Node[Any]:
        name = re.sub(r"[^A-Za-z0-9_-]", "_", name)[:90] or "node"
        chosen, number = name, 1
        while chosen in self.nodes:
            number += 1
            chosen = f"{name}_{number}"
        node: Node[Any] = Node(self, chosen, spec)
        self.nodes[chosen] = node
        node._need_refs(refs)
        return node

    # --- the definition ---------------------------------------------------------------------------

    def definition(self) -> dict[str, Any]:
        """The JSON that `taskflow.save_workflow` takes."""
        made: dict[str, Any] = {
            "nodes": {name: node.as_json() for name, node in self.nodes.items()}
        }
        if self._output is not None:
            made["output"] = template(self._output)
        return made

    def save(self) -> Saved:
        """Saves it, if it has changed, without starting a run."""
        return self.app.run(self._saving())

    async def asave(self) -> Saved:
        return await self.app.arun(self._saving())

    def start(
        self, input: Mapping[str, Any] | None = None, *, key: str | None = None, conn: Any = None  # noqa: A002
    ) -> RunHandle[Any]:  # fmt: skip
        """Saves it, if it has changed, and starts a run.

        With a `key` that a run of this workflow has already, answers that run. With `conn`, any
        connection that `task.on()` takes, the run commits or vanishes with its transaction.
        """
        call = self._starting(input, key)
        if conn is not None:
            return self.handle(guest.run_on(conn, call))
        return self.handle(self.app.run(call))

    async def astart(
        self, input: Mapping[str, Any] | None = None, *, key: str | None = None, conn: Any = None  # noqa: A002
    ) -> RunHandle[Any]:  # fmt: skip
        """`start` for async code."""
        call = self._starting(input, key)
        if conn is not None:
            return self.handle(await guest.arun_on(conn, call))
        return self.handle(await self.app.arun(call))

    def handle(self, started: Started) -> RunHandle[Any]:
        tenant = self.app.settings.tenant
        return RunHandle(self.app, started.id, tenant, self.decoder, started.outcome)

    def _encoded(self) -> bytes:
        return codec.encode(self.definition(), limit=MAX_DEFINITION_BYTES)

    def _saving(self) -> Call[Saved]:
        if self.name is None:
            raise InvalidOption("this flow has no name", 'Write tf.flow("name").')
        return flows.save_workflow(self.name, self._encoded(), self.app.settings.tenant)

    def _starting(self, given: Mapping[str, Any] | None, key: str | None) -> Call[Started]:
        tenant, input_ = self.app.settings.tenant, codec.encode(given or {})
        if self.name is None:
            return flows.run_definition(self._encoded(), input_, tenant)
        return flows.save_and_start(self.name, self._encoded(), input_, key, tenant)


def task_call(
    task: Enqueuer[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> tuple[dict[str, Any], list[Ref]]:
    """A task with its arguments as a node has it, and the places among them."""
    signature = task.task.signature
    values = signature.gather(args, kwargs)
    known = {name: value for name, value in values.items() if not holds_ref(value)}
    codec.encode(known, limit=task.task.app.settings.max_args_bytes)
    signature.check_values(known)
    call: dict[str, Any] = {"task": task.task.name, "args": values}
    if options := node_options(task):
        call["options"] = options
    return call, list(refs_in(values))


def node_options(task: Enqueuer[..., Any]) -> dict[str, Any]:
    """The options of a task as a node can have them."""
    options = task.given
    for name in _TIED:
        if getattr(options, name) is not None:
            raise InvalidOption(
                f"a node of a flow cannot have the option {name}",
                "A flow has its own: start(key=...) for one run only, .after(...) for order.",
            )
    found = {
        "queue": options.queue,
        "priority": options.priority,
        "max_attempts": options.max_attempts,
        "timeout": options.timeout and options.timeout.total_seconds(),
        "tags": list(options.tags) if options.tags else None,
        "meta": dict(options.meta) if options.meta else None,
        "delay": options.delay and options.delay.total_seconds(),
    }
    return {name: value for name, value in found.items() if value is not None}


def _spelt(name: str, value: Any) -> Any:
    """A part of a node as JSON. Places are spelt out last, since nodes may be named anew."""
    if name in ("args", "input"):
        return template(value)
    if name == "compensate":
        return {part: _spelt(part, given) for part, given in value.items()}
    return str(value) if isinstance(value, Ref) else value
