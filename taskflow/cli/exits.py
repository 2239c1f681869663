"""What a failure means to a shell: one table from errors to exit codes, one way to print them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from taskflow.cli.invocation import Invocation

OK = 0
FAILED = 1
USAGE = 2
NOT_FOUND = 3
NOT_ALLOWED = 4
CONFLICT = 5
TIMED_OUT = 6
NO_DATABASE = 7
PROBLEMS = 8
INTERRUPTED = 130
BROKEN_PIPE = 141
"""128 + SIGPIPE, as of any program whose reader has gone; nothing is printed."""

EXIT_CODES: dict[str, int] = {
    "TF000": FAILED,
    "TF1": USAGE,
    "TF120": NOT_FOUND,
    "TF121": CONFLICT,
    "TF123": CONFLICT,
    "TF130": NOT_FOUND,
    "TF134": NOT_FOUND,
    "TF135": NOT_FOUND,
    "TF131": NOT_FOUND,
    "TF132": CONFLICT,
    "TF133": NOT_FOUND,
    "TF140": NOT_FOUND,
    "TF150": NOT_FOUND,
    "TF170": NOT_FOUND,
    "TF161": NOT_FOUND,
    "TF162": NOT_FOUND,
    "TF163": CONFLICT,
    "TF164": NOT_FOUND,
    "TF165": CONFLICT,
    "TF171": NOT_ALLOWED,
    "TF172": FAILED,
    "TF174": NOT_FOUND,
    "TF175": CONFLICT,
    "TF176": CONFLICT,
    "TF177": CONFLICT,
    "TF179": TIMED_OUT,
    "TF190": NOT_FOUND,
    "TF191": CONFLICT,
    "TF192": CONFLICT,
    "TF193": CONFLICT,
    "TF194": NOT_FOUND,
    "TF195": FAILED,
    "TF196": CONFLICT,
    "TF197": NOT_FOUND,
    "TF198": NOT_ALLOWED,
    "TF201": USAGE,
    "TF202": NO_DATABASE,
    "TF203": NO_DATABASE,
    "TF204": NO_DATABASE,
    "TF205": NO_DATABASE,
    "TF206": NO_DATABASE,
    "TF207": NO_DATABASE,
    "TF208": NO_DATABASE,
    "TF209": NO_DATABASE,
    "TF211": CONFLICT,
    "TF220": USAGE,
    "TF221": NO_DATABASE,
    "TF222": NO_DATABASE,
    "TF3": FAILED,
    "TF303": TIMED_OUT,
    "TF304": CONFLICT,
}
"""By code, else by its first digit."""

SQLSTATES = {"42501": NOT_ALLOWED, "57014": TIMED_OUT, "40001": CONFLICT, "40P01": CONFLICT}
"""Postgres' own states that taskflow has no error of its own for."""


class Stop(Exception):
    """Ends the command with this exit code; all there was to say has been said."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def exit_code(error: BaseException) -> int:
    """The exit code for an error that ended a command."""
    code = getattr(error, "code", None)
    if isinstance(code, str):
        return EXIT_CODES.get(code) or EXIT_CODES.get(code[:3]) or FAILED
    driver = getattr(error, "orig", error)  # SQLAlchemy wraps the driver's error
    return SQLSTATES.get(getattr(driver, "sqlstate", None) or "", FAILED)


def report(error: BaseException, invocation: Invocation) -> int:
    """Prints an error for a person and answers the exit code."""
    if invocation.verbose > 1:
        import traceback

        traceback.print_exception(error)
    else:
        from rich.text import Text

        code, said, hint = _words(error)
        line = Text()
        if code:
            line.append(f"{code} ", style="bold red")
        line.append(invocation.safe(said).rstrip("."), style="" if code else "bold red")
        if hint:
            line.append(f"\n{invocation.safe(hint)}", style="dim")
        invocation.err.print(line, soft_wrap=True)
    return exit_code(error)


def _words(error: BaseException) -> tuple[str, str, str]:
    from taskflow.errors import TaskflowError

    if isinstance(error, TaskflowError):
        return error.code, error.message, error.hint
    driver = getattr(error, "orig", error)
    diagnosis = getattr(driver, "diag", None)
    if diagnosis is not None:  # the driver's own; only its first line is for people
        said = diagnosis.message_primary or str(driver)
        hint = diagnosis.message_hint or ""
        if getattr(driver, "sqlstate", "") == "42501":
            hint = hint or "Ask for the role taskflow_operator: grant taskflow_operator to USER."
        return "", said, hint
    said = str(error).strip() or type(error).__name__
    return "", f"{type(error).__name__}: {said}", "Run it again with -vv for the traceback."


def guarded(run: Callable[[], None], invocation: Invocation) -> int:
    """Runs a command; every way it can end becomes an exit code, and nothing a traceback."""
    try:
        run()
        sys.stdout.flush()
    except Stop as stop:
        return stop.code
    except click.exceptions.Exit as done:
        return int(done.exit_code)
    except click.ClickException as error:
        _report_usage(error, invocation)
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        # not by the console: broken off while it printed, it would print the same again
        sys.stderr.write("Interrupted.\n")
        return INTERRUPTED
    except BrokenPipeError:
        _silence()
        return BROKEN_PIPE
    except Exception as error:  # noqa: BLE001 - the last stop before the shell
        return report(error, invocation)
    finally:
        invocation.close()
    return OK


def _report_usage(error: click.ClickException, invocation: Invocation) -> None:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        sys.stderr.write(f"{error.message.rstrip()}\n")
        return
    invocation.talk(error.format_message())
    context = getattr(error, "ctx", None)
    if context is not None:
        invocation.talk(f"Try: {context.command_path} --help", "dim")


def _silence() -> None:
    """The reader has gone; what Python flushes at its end must not complain again."""
    import os

    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123
