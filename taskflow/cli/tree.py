"""Commands as all of ours are: global options anywhere, examples first, imported when called.

The trick: a lazy group knows the names and one-line helps of its commands without importing them,
so `--help` and completion take the time of rich-click alone; and every command carries the same
option objects, so `taskflow jobs list --json` and `taskflow --json jobs list` are one thing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from typing import Any, NamedTuple

import rich_click as click
from rich_click.rich_panel import RichCommandPanel, RichOptionPanel, RichPanel

from taskflow.cli.invocation import Invocation

GLOBAL = "Global options"


class Entry(NamedTuple):
    """A command that is not imported yet."""

    place: str
    """ "module:attribute"."""
    panel: str
    help: str


def _remember(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    """Keeps a global option in the invocation; what was not given leaves an outer one alone."""
    invocation = ctx.find_root().obj
    if isinstance(invocation, Invocation) and param.name and value not in (None, False, 0):
        setattr(invocation, param.name, value)


def global_options() -> list[click.Parameter]:
    """New option objects each time: click writes help and completion state into them."""
    shared: dict[str, Any] = {"expose_value": False, "callback": _remember, "panel": GLOBAL}
    return [
        click.RichOption(
            ["--database-url"], metavar="URL", help="Postgres to use [TASKFLOW_DATABASE_URL].",
            **shared,
        ),
        click.RichOption(
            ["--api"], metavar="URL", help="REST API to go through instead [TASKFLOW_API_URL].",
            **shared,
        ),
        click.RichOption(["--json"], is_flag=True, help="Print one JSON value.", **shared),
        click.RichOption(
            ["--jsonl"], is_flag=True, help="Print lists as one JSON value per line.", **shared
        ),
        click.RichOption(
            ["--color"], type=click.Choice(["auto", "always", "never"]),
            help="Colour; NO_COLOR is heeded.", **shared,
        ),
        click.RichOption(["--no-input"], is_flag=True, help="Never ask; fail instead.", **shared),
        click.RichOption(
            ["-v", "--verbose"], count=True, metavar="",
            help="Say more; -vv shows tracebacks.", **shared,
        ),
    ]  # fmt: skip


class Command(click.RichCommand):
    """A command with examples: the first thing its help shows."""

    def __init__(self, *args: Any, examples: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = tuple(examples)
        self.params = [*self.params, *global_options()]

    def format_help_text(self, ctx: Any, formatter: Any) -> None:
        super().format_help_text(ctx, formatter)
        write_examples(self.examples, formatter)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        self.panels = panels(self)
        super().format_options(ctx, formatter)


class Group(click.RichGroup):
    """A group of commands, some of which may not be imported yet."""

    command_class = Command

    def __init__(
        self,
        *args: Any,
        examples: Sequence[str] = (),
        lazy: Mapping[str, Entry] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.examples = tuple(examples)
        self.lazy = dict(lazy or {})
        self.params = [*self.params, *global_options()]
        self._is_listing = False

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*self.lazy, *(name for name in super().list_commands(ctx) if name not in self.lazy)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = self.lazy.get(cmd_name)
        if entry is None or cmd_name in self.commands:
            return super().get_command(ctx, cmd_name)
        if self._is_listing:
            return click.RichCommand(name=cmd_name, help=entry.help, panel=entry.panel)
        module, _, attribute = entry.place.partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        self.commands[cmd_name] = command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            if type(error).__name__ != "NoSuchCommand":
                raise
            raise no_such_command(ctx, args[0], self.list_commands(ctx)) from None

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[Any]:
        self._is_listing = True
        try:
            return super().shell_complete(ctx, incomplete)
        finally:
            self._is_listing = False

    def format_help_text(self, ctx: Any, formatter: Any) -> None:
        super().format_help_text(ctx, formatter)
        write_examples(self.examples, formatter)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        self._is_listing = True
        self.panels = panels(
            self, dict.fromkeys(entry.panel for entry in self.lazy.values()) or ["Commands"]
        )
        try:
            super().format_options(ctx, formatter)
        finally:
            self._is_listing = False


def panels(command: click.Command, first: Iterable[str] = ()) -> list[RichPanel[Any, Any]]:
    """The sections of a help, in the order in which they are read: what is global comes last."""
    own = dict.fromkeys(getattr(param, "panel", None) or "" for param in command.params)
    options = [name for name in own if name not in ("", GLOBAL)]
    return [
        *(RichCommandPanel(name) for name in first),
        *(RichOptionPanel(name) for name in [*options, "Options", GLOBAL]),
    ]


def no_such_command(ctx: click.Context, name: str, known: Sequence[str]) -> click.UsageError:
    from taskflow.errors import nearest

    close = nearest(name, known)
    hint = f'Did you mean "{close[0]}"?' if close else f"There is: {', '.join(known)}."
    return click.UsageError(f'There is no command "{name}". {hint}', ctx)


def write_examples(examples: Sequence[str], formatter: Any) -> None:
    if not examples:
        return
    from rich.padding import Padding
    from rich.text import Text

    lines = []
    for example in examples:
        command, _, remark = example.partition("  #")
        line = Text("$ ", style="dim") + Text(command)
        lines.append(line + Text(f"  #{remark}", style="dim") if remark else line)
    formatter.write(Padding(Text("\n").join(lines), (0, 1, 1, 3)))
