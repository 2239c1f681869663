"""Every setting: its unit, default and meaning, and where its value came from.

Precedence: argument, then environment TASKFLOW_<NAME>, then file, then default. "Not given" is a
value of its own (None in the arguments, absence elsewhere), so a default never beats a file.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, get_args, get_type_hints

import msgspec

from taskflow.errors import (
    ConfigurationError,
    InvalidOption,
    TimeOutOfRange,
    UnknownOption,
    nearest,
)
from taskflow.kernel.durations import parse_duration
from taskflow.kernel.names import check_name
from taskflow.kernel.records import level_number

FILES = ("taskflow.toml", "pyproject.toml")
PREFIX = "TASKFLOW_"
OURS = ("PG_BIN", "PG_NO_NAMESPACE", "IN_FLEET", "TEST_", "CHAOS_", "BENCH_")
"""Variables that are no settings: names, and beginnings of names that end with _."""

EXPECTED = {
    timedelta: "a duration of at most ten years, such as 30s",
    bool: "yes or no",
    int: "a whole number",
    dict[str, str]: "a table of names and texts",
}
_ADDRESS = re.compile(r"postgres(?:ql)?://|\s*\w+\s*=")
LOG_LEVELS = ("debug", "info", "warning", "error")


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What an app, a worker and the commands run with. Durations take "30s", "5m" or seconds."""

    database_url: Annotated[
        str | None, "Postgres to use; none: the embedded server of the current directory"
    ] = None
    listen_url: Annotated[
        str | None, "direct connection for LISTEN when database_url goes through a pooler"
    ] = None
    pooled: Annotated[
        bool, "database_url is a transaction pooler: no prepared statements, no LISTEN through it"
    ] = False
    tenant: Annotated[str, "tenant that enqueued jobs belong to"] = "default"
    pool_size: Annotated[int, "most connections for enqueueing and for handlers, per process"] = 10
    connect_timeout: Annotated[timedelta, "longest wait for a connection"] = timedelta(seconds=10)
    max_args_bytes: Annotated[int, "largest arguments of one job, checked before sending"] = 1048576
    max_result_bytes: Annotated[int, "largest result of one job"] = 1048576
    result_inline_bytes: Annotated[
        int, "results larger than this are kept apart from history, in the result store"
    ] = 65536
    queues: Annotated[
        str, 'queues a worker serves, as "name", "name=slots" or "name:weight", by comma'
    ] = "default"
    slots: Annotated[
        int,
        "jobs a worker process runs at once, of each queue that names no number, and of all that"
        " have weights together",
    ] = 100
    threads: Annotated[
        int, "threads for def handlers; a worker holds one more job ready for each, not more"
    ] = 32
    cpu_processes: Annotated[int, 'child processes for run_in="process"; 0: one per core'] = 0
    prefetch: Annotated[
        int, "most jobs claimed ahead of free slots; only as many as start soon"
    ] = 2000
    lease: Annotated[timedelta, "how long a claimed job is the worker's; renewed every third"] = (
        timedelta(seconds=30)
    )
    poll_interval: Annotated[timedelta, "longest sleep of an idle worker between looks"] = (
        timedelta(seconds=1)
    )
    reap_interval: Annotated[timedelta, "pause between looks for jobs of dead workers"] = timedelta(
        seconds=2
    )
    maintain_interval: Annotated[timedelta, "pause between rounds of upkeep"] = timedelta(minutes=5)
    grace: Annotated[timedelta, "time that running jobs get to finish at shutdown"] = timedelta(
        seconds=25
    )
    unknown_task_delay: Annotated[
        timedelta, "pause before a job whose task this worker does not know is offered again"
    ] = timedelta(seconds=30)
    allow_sync_in_loop: Annotated[
        bool, "let blocking calls run inside an event loop instead of raising TF102"
    ] = False
    api_cors: Annotated[
        str, "origins whose pages may call the API, exactly as browsers send them, by comma"
    ] = ""
    api_hosts: Annotated[str, "names by which the API may be called, by comma; none: any"] = ""
    api_proxies: Annotated[
        str, "networks of proxies whose X-Forwarded-For is believed, by comma"
    ] = ""
    api_max_body_bytes: Annotated[int, "largest body of a request to the API"] = 16_777_216
    api_timeout: Annotated[
        timedelta, "longest statement, and longest wait for a request's body, in the API"
    ] = timedelta(seconds=10)
    api_token_lifetime: Annotated[timedelta, "how long an access token of the API is valid"] = (
        timedelta(minutes=10)
    )
    api_session_lifetime: Annotated[
        timedelta, "how long a login lasts that is not used; each use renews it"
    ] = timedelta(days=7)
    api_allow_superuser: Annotated[
        bool, "let the API connect as a superuser, which the embedded server's user is"
    ] = False
    log_level: Annotated[str, "debug, info, warning or error"] = "info"
    job_log_level: Annotated[
        str, "lowest level that jobs' own logs keep: debug, info, warning, error; off keeps none"
    ] = "info"
    webhook_allow: Annotated[
        str, "networks and hosts that requests may go to though they are not public, by comma"
    ] = ""
    webhook_http: Annotated[bool, "let webhooks and the task http_request use plain http"] = False
    webhook_timeout: Annotated[timedelta, "longest wait for the whole answer to a webhook"] = (
        timedelta(seconds=15)
    )
    builtin_tasks: Annotated[
        str, "tasks of taskflow's own that workers know: echo, http_request, ... by comma, or all"
    ] = ""
    smtp_url: Annotated[
        str | None, "mail server of the task email: smtp://user:password@host:587, or smtps://"
    ] = None
    mail_from: Annotated[
        str | None, "sender of the task email, such as Shop <shop@example.com>"
    ] = None
    sql_statements: Annotated[
        dict[str, str], "statements that the task sql may run, by name; a table in taskflow.toml"
    ] = msgspec.field(default_factory=dict)


Origins = Mapping[str, str]
"""Where each setting came from: "argument", "environment NAME", "file PATH" or "default"."""


def meanings() -> dict[str, str]:
    """One line for each setting, in order; help texts and the reference are made of it."""
    hints = get_type_hints(Settings, include_extras=True)
    return {name: get_args(hints[name])[1] for name in Settings.__struct_fields__}


def load(
    arguments: Mapping[str, Any] | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
) -> tuple[Settings, Origins]:
    """The settings in force and their origins. Raises TF117 for unknown names, TF201 for values."""
    given: dict[str, Any] = {}
    origins: dict[str, str] = dict.fromkeys(Settings.__struct_fields__, "default")
    for source, values in (
        *_from_files(directory or Path.cwd()),
        *_from_environment(os.environ if environment is None else environment),
        ("argument", {k: v for k, v in (arguments or {}).items() if v is not None}),
    ):
        for name, value in values.items():
            if name not in origins:
                raise UnknownOption.named(name, Settings.__struct_fields__)
            given[name] = _parse(name, value, source)
            origins[name] = source
    settings = Settings(**given)
    _check(settings)
    return settings, origins


def strangers(environment: Mapping[str, str] | None = None) -> dict[str, str | None]:
    """Variables that begin like a setting's and are none, each with the nearest that is one."""
    known = [name.upper() for name in Settings.__struct_fields__]
    found = {}
    for variable in sorted(os.environ if environment is None else environment):
        name = variable.removeprefix(PREFIX)
        ours = any(name == own or (own.endswith("_") and name.startswith(own)) for own in OURS)
        if variable != name and name not in known and not ours:
            close = nearest(name, known)
            found[variable] = PREFIX + close[0] if close else None
    return found


def _from_files(directory: Path) -> list[tuple[str, Mapping[str, Any]]]:
    for name in FILES:
        path = directory / name
        if not path.is_file():
            continue
        try:
            found = tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"{path} cannot be read: {error}") from None
        values = found.get("tool", {}).get("taskflow") if name == "pyproject.toml" else found
        if values is not None:
            return [(f"file {path.name}", {k.replace("-", "_"): v for k, v in values.items()})]
    return []


def _from_environment(environment: Mapping[str, str]) -> list[tuple[str, Mapping[str, Any]]]:
    found: list[tuple[str, Mapping[str, Any]]] = []
    if url := environment.get("DATABASE_URL"):
        found.append(("environment DATABASE_URL", {"database_url": url}))
    for name in Settings.__struct_fields__:
        variable = f"{PREFIX}{name.upper()}"
        if value := environment.get(variable):
            found.append((f"environment {variable}", {name: value}))
    return found


def _parse(name: str, value: Any, source: str) -> Any:
    kind = get_args(get_type_hints(Settings, include_extras=True)[name])[0]
    try:
        if kind is timedelta:
            return parse_duration(value)
        if kind is bool and isinstance(value, str):
            return {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}[
                value.lower()
            ]
        found = msgspec.convert(value, kind, strict=False)
    except (msgspec.ValidationError, InvalidOption, TimeOutOfRange, KeyError, ValueError):
        wanted = EXPECTED.get(kind, "a text")
        raise ConfigurationError(
            f"{name} from {source} is {value!r}, expected {wanted}", f"{name}: {meanings()[name]}."
        ) from None
    if name in ("database_url", "listen_url") and found and not _ADDRESS.match(found):
        scheme, colons, _ = found.partition("://")  # the rest may hold a password
        raise ConfigurationError(
            f"{name} from {source} is no address of a Postgres database"
            + (f": it begins with {scheme[:40]}://" if colons else ""),
            'Write postgresql://user@host/database, or "host=... dbname=...".',
        )
    return found


def _check(settings: Settings) -> None:
    least = {
        "pool_size": 1, "slots": 1, "threads": 1, "prefetch": 0, "cpu_processes": 0,
        "max_args_bytes": 2, "max_result_bytes": 2, "result_inline_bytes": 0,
    }  # fmt: skip
    for name, bound in least.items():
        if getattr(settings, name) < bound:
            raise ConfigurationError(f"{name} is {getattr(settings, name)}, the least is {bound}")
    if not timedelta(milliseconds=100) <= settings.lease <= timedelta(minutes=10):
        raise ConfigurationError(f"lease is {settings.lease}, it must be 100 ms to 10 min")
    if settings.poll_interval <= timedelta(0):
        raise ConfigurationError("poll_interval must be more than 0")
    check_name(settings.tenant, "tenant")
    level_number(settings.job_log_level)
    if settings.log_level.lower() not in LOG_LEVELS:
        raise ConfigurationError(
            f"log_level is {settings.log_level!r}", f"Use one of {', '.join(LOG_LEVELS)}."
        )
