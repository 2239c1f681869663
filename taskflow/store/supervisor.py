"""The detached process that owns one directory's PostgreSQL server for as long as it has users.

The trick is flock, which the kernel drops even on SIGKILL. Each user holds `users` shared; the
supervisor holds `owner` exclusively, inherited from the client that launched it, and stops the
server once it can take `users` exclusively for a whole grace period. It restarts a server that
dies. `state.json` tells the clients the rest. Standard library only, single thread.
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import signal
import subprocess
import time
from collections import deque
from dataclasses import asdict, dataclass, field
from pathlib import Path

from taskflow.errors import TaskflowError
from taskflow.store import postmaster, rootless, traces
from taskflow.store.traces import ServerFailed

RESTART_SIGNAL = signal.SIGUSR1
TICK = 0.25
"""Seconds between looks at the users; the server's death and signals are noticed at once."""

PORT_ATTEMPTS = 5
REVIVAL_SECONDS = 30.0
"""How long a dead server may refuse to come back (old backends may hold its shared memory)."""
DEATHS_PER_MINUTE = 30


@dataclass(frozen=True, slots=True)
class Plan:
    """What the launching client decided; travels as JSON on the command line."""

    directory: str
    programs: str
    version: str
    settings: dict[str, str]
    owner_lock: int
    grace_seconds: float


@dataclass(slots=True)
class State:
    """What clients may know: `phase` is ready, restarting or failed."""

    phase: str
    version: str
    port: int = 0
    pid: int = 0
    supervisor: int = field(default_factory=os.getpid)
    error: list[str] = field(default_factory=list)


def main(text: str) -> None:
    """Detach from the client, then supervise until nobody needs the server any more."""
    if os.fork():
        os._exit(0)
    plan = Plan(**json.loads(text))
    os.set_inheritable(plan.owner_lock, False)
    os.chdir("/")
    os.umask(0o077)
    supervisor = Supervisor(plan)
    try:
        supervisor.start()
        supervisor.watch()
    except TaskflowError as error:
        supervisor.tell("failed", error=list(error.args))
    except BaseException as error:
        supervisor.tell("failed", error=[f"The supervisor stopped: {error!r}", "See the log."])
        raise


class Supervisor:
    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.directory = Path(plan.directory)
        self.programs = Path(plan.programs)
        self.data = self.directory / "data"
        self.log = self.directory / "log"
        self.wake = _catch_signals()
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None
        self.deaths: deque[float] = deque(maxlen=DEATHS_PER_MINUTE)

    def start(self) -> None:
        self.programs = rootless.shed_root(self.directory, self.programs)
        self.users = os.open(self.directory / "users", os.O_RDWR | os.O_CLOEXEC)
        traces.end_orphan(self.data)
        if not self.data.exists():
            password = (self.directory / "password").read_text()
            major = int(self.plan.version.partition(".")[0])
            postmaster.create_cluster(self.programs, major, self.data, password, self.log)
        position = self.log.stat().st_size
        for _ in range(PORT_ATTEMPTS):
            self.port = postmaster.free_port(self._last_port())
            if self._launch():
                (self.directory / "port").write_text(str(self.port))
                return
            (self.directory / "port").unlink(missing_ok=True)
            if "could not bind" not in traces.tail(self.log, position):
                break
        raise self._failure(position, "PostgreSQL did not start")

    def watch(self) -> None:
        """Loop until stopped by signal, by the last user's leaving or by the directory's loss."""
        idle_since: float | None = None
        while True:
            if not self._is_alive():
                self._revive()
            signals = self._next_signals()
            if signals & {signal.SIGTERM, signal.SIGINT} or self._is_directory_gone():
                break
            if RESTART_SIGNAL in signals:
                self._restart()
            idle_since = None if self._has_users() else idle_since or time.time()
            # Kept at the end: a newcomer waits until the server is down, then starts it anew.
            if self._is_grace_over(idle_since) and not self._has_users(keep=True):
                break
        if self.process:
            postmaster.stop(self.process)
        (self.directory / "state.json").unlink(missing_ok=True)

    def tell(self, phase: str, error: list[str] | None = None) -> None:
        pid = self.process.pid if self.process else 0
        state = State(phase, self.plan.version, self.port, pid, error=error or [])
        temporary = self.directory / "state.json.new"
        try:
            temporary.write_text(json.dumps(asdict(state)))
            temporary.replace(self.directory / "state.json")
        except OSError:
            if self.directory.exists():
                raise

    def _next_signals(self) -> set[int]:
        """Wait for signals, the server's death among them, for one tick."""
        ready, _, _ = select.select([self.wake], [], [], TICK)
        return set(os.read(self.wake, 64)) if ready else set()

    def _launch(self) -> bool:
        self.process = postmaster.launch(
            self.programs, self.data, self.port, self.plan.settings, self.log
        )
        if not postmaster.wait_ready(self.process, self.data):
            return False
        self.tell("ready")
        return True

    def _restart(self) -> None:
        self.tell("restarting")
        if self.process:
            postmaster.stop(self.process)
        self._revive()

    def _revive(self) -> None:
        """Start the dead server again on the same port; give up on one that keeps dying."""
        if self._is_directory_gone():
            return
        self.tell("restarting")
        now = time.monotonic()
        position = self.log.stat().st_size
        if len(self.deaths) == DEATHS_PER_MINUTE and now - self.deaths[0] < 60:
            raise self._failure(0, f"PostgreSQL died {DEATHS_PER_MINUTE} times within a minute")
        self.deaths.append(now)
        while time.monotonic() - now < REVIVAL_SECONDS:
            traces.end_orphan(self.data)
            if self._launch():
                return
            time.sleep(0.1)
        raise self._failure(position, "PostgreSQL died and did not come back")

    def _failure(self, position: int, what: str) -> ServerFailed:
        return ServerFailed(
            f"{what}; the log ends with:\n{traces.tail(self.log, position)}",
            f"The whole log is in {self.log}.",
        )

    def _last_port(self) -> int | None:
        try:
            return int((self.directory / "port").read_text())
        except (OSError, ValueError):
            return None

    def _is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def _is_directory_gone(self) -> bool:
        try:
            return not os.path.samestat(
                (self.directory / "owner").stat(), os.fstat(self.plan.owner_lock)
            )
        except OSError:
            return True

    def _has_users(self, *, keep: bool = False) -> bool:
        try:
            fcntl.flock(self.users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        if not keep:
            fcntl.flock(self.users, fcntl.LOCK_UN)
        return False

    def _is_grace_over(self, idle_since: float | None) -> bool:
        if idle_since is None:
            return False
        # A user that came and went between two looks has left its mark on the file's time.
        last_use = max(idle_since, os.fstat(self.users).st_mtime)
        return time.time() - last_use > self.plan.grace_seconds


def _catch_signals() -> int:
    """Turn signals into bytes on a pipe (macOS has no sigtimedwait); return its reading end."""
    wake, write = os.pipe()
    os.set_blocking(write, False)
    signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD, RESTART_SIGNAL):
        signal.signal(number, lambda *_: None)
    return wake
