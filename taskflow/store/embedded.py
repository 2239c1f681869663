"""A PostgreSQL server of one's own for development, the demo and tests: start, stop, status.

All processes that start the same directory share one server. The trick: a user is whoever holds a
shared flock on the directory's `users` file, so one that is killed leaves as surely as one that
says goodbye. Whoever gets the `owner` lock launches the supervisor and hands it that lock.
"""

from __future__ import annotations

import fcntl
import os
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from taskflow.errors import ConfigurationError
from taskflow.store import traces
from taskflow.store.binaries import Binaries, find_binaries
from taskflow.store.server_directory import ServerDirectory
from taskflow.store.supervisor import RESTART_SIGNAL, Plan, State
from taskflow.store.traces import ServerFailed

DEFAULT_DIRECTORY = Path(".taskflow/postgres")
"""Below the current directory, so that each project has its own server."""

GRACE = timedelta(seconds=3)
"""How long the server outlives its last user: the next command finds it warm."""

START_LIMIT = timedelta(seconds=120)
LAUNCHES = 3
POLL_SECONDS = 0.01


@dataclass(frozen=True, slots=True)
class Status:
    """What stands behind a directory now; `dsn` is None while no server accepts connections."""

    running: bool
    dsn: str | None = None
    version: str = ""
    port: int = 0
    pid: int = 0
    supervisor: int = 0


def start(
    directory: Path | None = None,
    *,
    version: int | None = None,
    settings: Mapping[str, str] | None = None,
    announce: Callable[[str], None] | None = None,
    grace: timedelta = GRACE,
    timeout: timedelta = START_LIMIT,
) -> Server:
    """Return a running server on `directory`, started if need be, with this process as a user.

    The default directory is `./.taskflow/postgres`. `version` asks for a major version; without it
    the directory's own, else the first one found (see `find_binaries`). `settings` are server
    settings on top of the defaults and `grace` is how long the server outlives its last user; both
    count only for the call that starts the server. `announce` receives one line of text if this
    call has to start it. Raises ConfigurationError if no suitable PostgreSQL is installed, and
    ServerFailed, with the end of the server's log, if it does not come up within `timeout`.
    """
    home = ServerDirectory((directory or DEFAULT_DIRECTORY).resolve())
    plan = Plan(str(home.path), "", "", dict(settings or {}), -1, grace.total_seconds())
    with home.explained():
        home.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        server = Server(home, plan, version, announce, timeout)
    try:
        server.wait_ready()
    except BaseException:
        server.close()
        raise
    return server


def stop(directory: Path | None = None, *, timeout: timedelta = timedelta(seconds=60)) -> bool:
    """Stop the server on `directory` now, whoever uses it; False if none was running."""
    home = ServerDirectory((directory or DEFAULT_DIRECTORY).resolve())
    if not (home.path / "owner").exists():
        return False
    deadline = time.monotonic() + timeout.total_seconds()
    was_running = False
    while (owner := home.lock("owner")) is None:
        was_running = True
        home.signal_supervisor(signal.SIGTERM)
        if time.monotonic() > deadline:
            raise ServerFailed(
                f"The server in {home.path} did not stop within {timeout.total_seconds():g} s.",
                f"Its log ends with:\n{home.log_tail()}",
            )
        time.sleep(POLL_SECONDS)
    try:
        traces.end_orphan(home.path / "data")
        home.clear_state()
    finally:
        os.close(owner)
    return was_running


def status(directory: Path | None = None) -> Status:
    """Tell whether a server runs on `directory`, and where, without starting or keeping one."""
    home = ServerDirectory((directory or DEFAULT_DIRECTORY).resolve())
    if not (home.path / "owner").exists():
        return Status(running=False)
    owner = home.lock("owner")
    if owner is not None:
        os.close(owner)
        return Status(running=False)
    state = home.state()
    if state is None:
        return Status(running=True)
    dsn = home.dsn(state.port) if state.phase == "ready" else None
    return Status(True, dsn, state.version, state.port, state.pid, state.supervisor)


class Server:
    """A share in a running server; it is given up by `close`, `stop` or the process's end.

    `dsn` stays the same for as long as the server has users, through crashes and restarts.
    """

    def __init__(
        self,
        home: ServerDirectory,
        plan: Plan,
        major: int | None,
        announce: Callable[[str], None] | None,
        timeout: timedelta,
    ) -> None:
        self._home = home
        self._plan = plan
        self._major = major
        self._announce = announce
        self._timeout = timeout
        self._users: int | None = _join(home, timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def directory(self) -> Path:
        return self._home.path

    @property
    def dsn(self) -> str:
        """URL of the database `postgres`, with the password."""
        return self.dsn_of("postgres")

    def dsn_of(self, database: str) -> str:
        """URL of another database on this server (which need not exist yet)."""
        return self._home.dsn(self._state().port, database)

    @property
    def version(self) -> str:
        """The server's version, such as "18.6"."""
        return self._state().version

    @property
    def pid(self) -> int:
        """The postmaster's process id now; it changes with each restart."""
        return self._state().pid

    @property
    def supervisor(self) -> int:
        """The process id of the supervisor."""
        return self._state().supervisor

    def wait_ready(self, *, other_than: int = 0, timeout: timedelta | None = None) -> None:
        """Wait until the server accepts connections, launching a supervisor if there is none.

        With `other_than`, wait for a postmaster that is not that process: the pid which
        `kill_postmaster` returned.
        """
        limit = (timeout or self._timeout).total_seconds()
        deadline = time.monotonic() + limit
        old_failure = _failed_supervisor(self._home.state())
        launches = 0
        while time.monotonic() < deadline:
            owner = self._home.lock("owner")
            if owner is not None:
                try:
                    self._raise_new_failure(old_failure, launches)
                    self._launch(owner)
                finally:
                    os.close(owner)
                launches += 1
            elif (state := self._home.accepting()) and state.pid != other_than:
                return
            time.sleep(POLL_SECONDS)
        raise ServerFailed(
            f"The server in {self.directory} was not ready within {limit:g} s.",
            f"Its log ends with:\n{self._home.log_tail()}",
        )

    def restart(self) -> None:
        """Restart the server (fast shutdown, then start) on the same port; wait until it is up."""
        pid = self.pid
        self._home.signal_supervisor(RESTART_SIGNAL)
        self.wait_ready(other_than=pid)

    def kill_postmaster(self) -> int:
        """SIGKILL the postmaster, as a crash would; return its pid. The supervisor restarts it."""
        pid = self.pid
        os.kill(pid, signal.SIGKILL)
        return pid

    def close(self) -> None:
        """Give up this share. The last one to go leaves the server running for the grace period."""
        if self._users is not None:
            os.close(self._users)
            self._users = None

    def stop(self) -> None:
        """Give up this share; if it was the last one, stop the server and wait until it is down."""
        if self._users is None:
            return
        try:
            fcntl.flock(self._users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Held until the end: newcomers wait, then start the server anew.
            stop(self.directory)
        except BlockingIOError:
            pass
        finally:
            self.close()

    def _state(self) -> State:
        state = self._home.state()
        if state is None:
            raise ServerFailed(f"The server in {self.directory} has stopped.", "Start it again.")
        return state

    def _raise_new_failure(self, old_failure: int, launches: int) -> None:
        """Report a failure that came about since we began waiting, whoever launched it."""
        state = self._home.state()
        if state and _failed_supervisor(state) not in (0, old_failure):
            raise ServerFailed(*state.error)
        if launches == LAUNCHES:
            raise ServerFailed(
                f"The supervisor of {self.directory} ended {launches} times without a word; "
                f"its log ends with:\n{self._home.log_tail()}",
                "Look for a memory limit or a security policy that kills processes.",
            )

    def _launch(self, owner: int) -> None:
        with self._home.explained():
            binaries = self._choose_binaries()
            if self._announce:
                self._announce(
                    f"Starting embedded PostgreSQL {binaries.version} in {self._home.shown()} ..."
                )
            self._home.launch(
                replace(
                    self._plan,
                    programs=str(binaries.directory),
                    version=binaries.version,
                    owner_lock=owner,
                )
            )

    def _choose_binaries(self) -> Binaries:
        existing = self._home.cluster_major()
        if existing and self._major and existing != self._major:
            raise ConfigurationError(
                f"{self.directory} holds a cluster of PostgreSQL {existing}, but {self._major} was "
                "asked for.",
                "Choose another directory, or remove this one if its data may go.",
            )
        return find_binaries(self._major or existing)


def _join(home: ServerDirectory, timeout: timedelta) -> int:
    """Become a user: take `users` shared. It is refused only while a server is shutting down."""
    deadline = time.monotonic() + timeout.total_seconds()
    while (users := home.lock("users", shared=True)) is None:
        if time.monotonic() > deadline:
            raise ServerFailed(
                f"The server in {home.path} has been shutting down for too long.",
                f"Its log ends with:\n{home.log_tail()}",
            )
        time.sleep(POLL_SECONDS)
    os.utime(users)
    return users


def _failed_supervisor(state: State | None) -> int:
    return state.supervisor if state and state.phase == "failed" else 0
