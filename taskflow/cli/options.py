"""What commands take: the kinds of values, and the filter that picks jobs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import TYPE_CHECKING, Any, Literal, get_args

import rich_click as click
from click.shell_completion import CompletionItem

from taskflow.cli.invocation import Invocation
from taskflow.errors import TaskflowError, nearest
from taskflow.kernel.durations import parse_duration
from taskflow.kernel.job import State
from taskflow.kernel.listing import JobFilter

if TYPE_CHECKING:
    from msgspec import Struct

FILTER = "Which jobs"


class DurationType(click.ParamType[Any]):
    """ "5m", "1h30m", "PT5M", seconds."""

    name = "duration"

    def convert(self, value: Any, param: Any, ctx: Any) -> timedelta:
        try:
            return parse_duration(value, what=param.name if param else "duration")
        except TaskflowError as error:
            self.fail(f"{error.message}. {error.hint}", param, ctx)


class TimeType(click.ParamType[Any]):
    """A time as ISO 8601 (UTC unless it says otherwise), or how long ago."""

    name = "time"

    def __init__(self, *, ahead: bool = False) -> None:
        self.sign = 1 if ahead else -1

    def convert(self, value: Any, param: Any, ctx: Any) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            found = datetime.fromisoformat(value)
            return found if found.tzinfo else found.replace(tzinfo=UTC)
        except ValueError:
            pass
        try:
            return datetime.now(UTC) + self.sign * parse_duration(value)
        except TaskflowError:
            which = "from now" if self.sign > 0 else "ago"
            self.fail(
                f"{value!r} is no time. Write 2026-11-23, 2026-11-23T08:00+01:00, "
                f'or how long {which}, such as "2h".',
                param,
                ctx,
            )


class IdType(click.ParamType[Any]):
    """A job's id; the digits may be written with their separators."""

    name = "id"

    def convert(self, value: Any, param: Any, ctx: Any) -> int:
        digits = str(value).replace(",", "").replace("_", "").lstrip("#")
        if digits.isdecimal() and 0 < int(digits) < 2**63:
            return int(digits)
        return self.fail(f"{value!r} is no job id; ids are numbers, as in 4711.", param, ctx)


class Word(click.ParamType[Any]):
    """One of a few words; a slip of the finger gets the right one back."""

    name = "word"

    def __init__(self, words: Sequence[str]) -> None:
        self.words = words

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        if value in self.words:
            return str(value)
        close = nearest(str(value), self.words)
        hint = f'Did you mean "{close[0]}"?' if close else f"There is: {', '.join(self.words)}."
        return self.fail(f'"{value}" is not known. {hint}', param, ctx)

    def shell_complete(
        self,
        ctx: Any,  # noqa: ARG002 - click's signature
        param: Any,  # noqa: ARG002
        incomplete: str,
    ) -> list[CompletionItem]:
        return [CompletionItem(word) for word in self.words if word.startswith(incomplete)]


class NameType(click.ParamType[Any]):
    """A name of something in the database; a shell is offered those that are there."""

    def __init__(self, name: Literal["queue", "task"]) -> None:
        self.name = name

    def shell_complete(
        self,
        ctx: Any,
        param: Any,  # noqa: ARG002 - click's signature
        incomplete: str,
    ) -> list[CompletionItem]:
        from taskflow import settings
        from taskflow.calls import reads
        from taskflow.store.glance import glance

        invocation = ctx.find_root().obj
        given = invocation.database_url if isinstance(invocation, Invocation) else None
        try:
            found, _ = settings.load({"database_url": given})
        except TaskflowError:
            return []
        call = reads.queue_names if self.name == "queue" else reads.task_names
        return [CompletionItem(name) for name in glance(found, call(incomplete)) or ()]


class FieldsType(click.ParamType[Any]):
    """Names of fields by comma; a slip of the finger gets the right one back."""

    name = "fields"

    def __init__(self, known: Sequence[str]) -> None:
        self.known = Word(known)

    def convert(self, value: Any, param: Any, ctx: Any) -> list[str]:
        names = [name.strip() for name in str(value).split(",")]
        return [self.known.convert(name, param, ctx) for name in dict.fromkeys(names)]

    def shell_complete(self, ctx: Any, param: Any, incomplete: str) -> list[CompletionItem]:
        before, comma, last = incomplete.rpartition(",")
        found = self.known.shell_complete(ctx, param, last)
        return [CompletionItem(f"{before}{comma}{item.value}") for item in found]


DURATION, SINCE, AT, ID = DurationType(), TimeType(), TimeType(ahead=True), IdType()
QUEUE, TASK = NameType("queue"), NameType("task")


def fields_of(kind: type[Struct]) -> Callable[[Any], Any]:
    """Adds `--fields` to a list whose lines are of this kind; see `Invocation.answer_list`."""
    return click.option(
        "--fields", type=FieldsType(kind.__struct_fields__), metavar="NAME,...",
        help="Only these fields, as --json names them.",
    )  # fmt: skip


def job_filter(*, states: tuple[str, ...] = get_args(State)) -> Callable[[Any], Any]:
    """Adds the filter's options and hands them over as one `wanted: JobFilter`."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(command)
        def run(invocation: Invocation, /, **given: Any) -> Any:
            wanted = JobFilter(
                tenant=invocation.tenant,
                states=given.pop("state"),
                tasks=given.pop("task"),
                queues=given.pop("queue"),
                tags=given.pop("tag"),
                ids=given.pop("id"),
                fingerprints=given.pop("fingerprint"),
                since=given.pop("since"),
                until=given.pop("until"),
            )
            return command(invocation, wanted=wanted, **given)

        many: dict[str, Any] = {"multiple": True, "panel": FILTER}
        for option in (
            click.option(
                "--until", type=SINCE, metavar="TIME", panel=FILTER, help="Created before then."
            ),
            click.option(
                "--since", type=SINCE, metavar="TIME", panel=FILTER,
                help='Created since: "2h" ago, or 2026-11-23T08:00.',
            ),
            click.option("--fingerprint", metavar="HASH", help="Dead of this failure.", **many),
            click.option("--id", type=ID, metavar="ID", help="These ids.", **many),
            click.option("--tag", metavar="TAG", help="With this tag.", **many),
            click.option("--queue", "-q", type=QUEUE, metavar="NAME",
                         help="In this queue.", **many),
            click.option("--task", "-t", type=TASK, metavar="NAME", help="Of this task.", **many),
            click.option("--state", "-s", type=Word(states), metavar="STATE",
                         help=f"In this state: {', '.join(states)}.", **many),
        ):  # fmt: skip
            run = option(run)
        return run

    return decorate


def describe(wanted: JobFilter) -> str:
    """The filter in words: "state dead, task email.receipt"; "all jobs" without one."""
    parts = [
        f"{name} {' or '.join(map(str, values))}"
        for name, values in (
            ("state", wanted.states),
            ("task", wanted.tasks),
            ("queue", wanted.queues),
            ("tag", wanted.tags),
            ("id", wanted.ids),
            ("fingerprint", wanted.fingerprints),
        )
        if values
    ]
    if wanted.since:
        parts.append(f"since {wanted.since.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z")
    if wanted.until:
        parts.append(f"until {wanted.until.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z")
    return ", ".join(parts) or "all jobs"
