"""One run of the command line: its global options, its two consoles and its app.

Data goes to stdout through `emit` and `show`, everything else to stderr through `talk`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn, TextIO, TypeVar

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from rich.console import Console, RenderableType

    from taskflow.app import Taskflow
    from taskflow.kernel.flow import Run
    from taskflow.kernel.job import Job
    from taskflow.remote import Transport
    from taskflow.settings import Origins, Settings
    from taskflow.store.call import Call

T = TypeVar("T")
PIPE_WIDTH = 1_000
"""Columns when stdout is no terminal and COLUMNS is not set: nothing is cut for a pipe."""


class Invocation:
    """Made once per run; the options are set while click parses."""

    database_url: str | None = None
    api: str | None = None
    json: bool = False
    jsonl: bool = False
    color: str = "auto"
    no_input: bool = False
    verbose: int = 0

    @cached_property
    def settings(self) -> tuple[Settings, Origins]:
        from taskflow import settings

        return settings.load({"database_url": self.database_url, "api_url": self.api})

    @cached_property
    def app(self) -> Taskflow:
        """The app of this directory's settings; opens nothing by itself."""
        from taskflow.app import Taskflow

        if self.api is not None:
            self.need_database()
        return Taskflow(self.database_url)

    @cached_property
    def connection(self) -> Any:
        """One connection and no pool: a pool asks again for ten seconds before it says no."""
        from taskflow.errors import DatabaseUnreachable
        from taskflow.store.pool import connect

        dsn = self.app.dsn
        try:
            return connect(dsn, self.app.connection_settings("taskflow cli"))
        except DatabaseUnreachable as error:
            hint = "taskflow config show says where the address comes from."
            raise DatabaseUnreachable(error.message, hint) from error

    @cached_property
    def transport(self) -> Transport | None:
        """The way through the REST API, None where commands go to the database.

        An option beats the settings; of these the API's address beats the database's.
        """
        if self.api is not None and self.database_url is not None:
            import click

            raise click.UsageError("Give --api or --database-url, not both.")
        settings, origins = self.settings
        if settings.api_url is None or self.database_url is not None:
            return None
        from taskflow.remote import Address, Transport, check_tenant, find_key

        plain = settings.api_plain_http
        found = Transport(Address(settings.api_url, find_key(), plain_http=plain))
        if origins["tenant"] != "default":
            try:
                found.run(check_tenant(settings.tenant))
            except BaseException:
                found.close()
                raise
        return found

    def run(self, call: Call[T]) -> T:
        """Runs a Call on the database, or what stands for it on the REST API."""
        if self.transport is not None:
            from taskflow.remote import script_of

            return self.transport.run(script_of(call))
        return self._run_here(call)

    def wait(self, id: int, timeout: timedelta | None) -> Job:
        """A job once it has ended. Raises `ResultTimeout`."""
        if self.transport is None:
            return self.app.handle(id).wait(timeout)
        from taskflow.remote.waiting import ended

        return self.transport.run(ended(id, timeout))

    def wait_for_run(self, id: int, timeout: timedelta | None) -> Run:
        """A run of a workflow once it has ended. Raises `ResultTimeout`."""
        if self.transport is None:
            return self.app.run_handle(id).wait(timeout)
        from taskflow.remote.waiting import run_ended

        return self.transport.run(run_ended(id, timeout))

    @property
    def is_remote(self) -> bool:
        return self.transport is not None

    def need_database(self) -> NoReturn:
        """For commands that work on the database itself, and so not through --api."""
        from taskflow.remote import NeedsDatabase

        raise NeedsDatabase("this command needs the database", "Leave --api out.")

    def _run_here(self, call: Call[T]) -> T:
        from taskflow.calls import health
        from taskflow.errors import SchemaMismatch, SchemaMissing
        from taskflow.store.call import run

        try:
            return run(self.connection, call)
        except SchemaMismatch as error:
            # Postgres names the missing table in a schema that may be missing as a whole
            if run(self.connection, health.has_schema()):
                raise
            raise SchemaMissing(
                "the database has no taskflow schema", "Run taskflow db upgrade."
            ) from error

    @property
    def tenant(self) -> str:
        return self.settings[0].tenant

    @cached_property
    def now(self) -> datetime:
        """The database's time when this command first asked: ages are told against it."""
        from taskflow.calls import reads

        return self.run(reads.clock())

    def note_environment(self) -> None:
        """Says which variables look like settings and are none; children have a parent for that."""
        if not any(name.startswith("TASKFLOW_") for name in os.environ):
            return  # and spares `--help` the import
        from taskflow.settings import strangers

        found = {} if "TASKFLOW_IN_FLEET" in os.environ else strangers()
        for variable, close in found.items():
            way_out = f"Did you mean {close}?" if close else "taskflow config show lists them."
            self.talk(f"{variable} is not a setting and changes nothing. {way_out}", "yellow")

    def close(self) -> None:
        if "connection" in self.__dict__:
            self.connection.close()
        if "app" in self.__dict__:
            self.app.close()
        if self.__dict__.get("transport") is not None:
            self.__dict__["transport"].close()

    # --- output -----------------------------------------------------------------------------------

    @cached_property
    def out(self) -> Console:
        return self._console(sys.stdout)

    @cached_property
    def err(self) -> Console:
        return self._console(sys.stderr)

    @property
    def is_json(self) -> bool:
        return self.json or self.jsonl

    @property
    def may_ask(self) -> bool:
        """Is there somebody to ask?"""
        return not self.no_input and sys.stdin.isatty() and sys.stderr.isatty()

    def emit(self, value: Any) -> None:
        """Prints a value as JSON: indented for eyes, on one line for programs."""
        from taskflow.cli import shapes

        if self.jsonl and isinstance(value, list | tuple):
            for item in value:
                sys.stdout.write(f"{shapes.to_json(item)}\n")
        else:
            sys.stdout.write(f"{shapes.to_json(value, indent=sys.stdout.isatty())}\n")

    def show(self, *parts: RenderableType) -> None:
        """Prints for people, without the blanks that pad the last column."""
        with self.out.capture() as captured:
            for part in parts:
                self.out.print(part)
        lines = (line.rstrip() for line in captured.get().splitlines())
        sys.stdout.write("".join(f"{line}\n" for line in lines))

    def talk(self, text: str, style: str = "") -> None:
        """Says something on stderr."""
        from rich.text import Text

        self.err.print(Text(self.safe(text), style=style), soft_wrap=True)

    def answer_list(
        self,
        lines: Sequence[Any],
        fields: Sequence[str] | None,
        shown: Callable[[], RenderableType | Sequence[RenderableType]],
    ) -> None:
        """`answer` for the lines of a list, cut down to the fields that were asked for."""
        from taskflow.cli import shapes

        if fields is None:
            self.answer(lines, shown)
            return
        cut = [{name: getattr(line, name) for name in fields} for line in lines]
        self.answer(cut, lambda: shapes.fields_table(fields, cut) if cut else "")

    def answer(
        self, value: Any, shown: Callable[[], RenderableType | Sequence[RenderableType]]
    ) -> None:
        """The one way a command gives its data: as JSON if asked for, else as `shown` draws it."""
        if self.is_json:
            self.emit(value)
            return
        parts = shown()
        if parts == "":
            return
        self.show(*(parts if isinstance(parts, list | tuple) else [parts]))

    def answer_plainly(self, value: Any, lines: Iterable[str]) -> None:
        """`answer` for what is copied or evaluated: never wrapped to the width of a terminal."""
        if self.is_json:
            self.emit(value)
        else:
            self.stream(lines)

    def stream(self, lines: Iterable[str]) -> None:
        for line in lines:
            sys.stdout.write(f"{line}\n")

    @staticmethod
    def safe(text: str) -> str:
        from taskflow.cli import shapes

        return shapes.safe(text)

    def _console(self, stream: TextIO) -> Console:
        from rich.console import Console

        plain = self.color == "never" or (self.color == "auto" and bool(os.environ.get("NO_COLOR")))
        columns = os.environ.get("COLUMNS", "")
        width = None if stream.isatty() else PIPE_WIDTH
        return Console(
            file=stream,
            force_terminal=True if self.color == "always" else None,
            color_system=None if plain else "auto",
            width=int(columns) if columns.isdigit() and int(columns) > 0 else width,
            highlight=False,
            markup=False,
            emoji=False,
        )
