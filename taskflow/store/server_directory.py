"""What lies in an embedded server's directory, and the ways to read, lock and launch it.

users, owner   lock files: shared by the users, exclusive to the supervisor
state.json     the supervisor's word: phase, port, pids, or the error it ended with
password       of the superuser, generated once, readable by the owner only
port           the last port, tried first so that addresses stay the same between runs
log            the server's and the supervisor's
data           the cluster itself
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from taskflow.store import postmaster, traces
from taskflow.store.supervisor import Plan, State
from taskflow.store.traces import ServerFailed

# Runs the supervisor without the packages' own __init__, which import drivers it never needs.
BOOT = """\
import sys, types
for name, path in zip(("taskflow", "taskflow.store"), sys.argv[1:3]):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = [path]
from taskflow.store.supervisor import main
main(sys.argv[3])
"""

LOG_LIMIT_BYTES = 10_000_000


@dataclass(frozen=True, slots=True)
class ServerDirectory:
    path: Path

    def lock(self, name: str, *, shared: bool = False) -> int | None:
        """Return a descriptor that holds the lock, or None if somebody else's is in the way."""
        descriptor = os.open(self.path / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def state(self) -> State | None:
        """Return the last word of a supervisor, perhaps a dead one."""
        try:
            return State(**json.loads((self.path / "state.json").read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def clear_state(self) -> None:
        (self.path / "state.json").unlink(missing_ok=True)

    def accepting(self) -> State | None:
        """Return the state if it says ready and something answers on its port."""
        state = self.state()
        if state is None or state.phase != "ready":
            return None
        try:
            socket.create_connection((postmaster.HOST, state.port), timeout=2).close()
        except OSError:
            return None
        return state

    def dsn(self, port: int, database: str = "postgres") -> str:
        password = (self.path / "password").read_text()
        return f"postgresql://{postmaster.USER}:{password}@{postmaster.HOST}:{port}/{database}"

    def cluster_major(self) -> int | None:
        """Return the major version that made the cluster, None if there is none yet."""
        record = self.path / "data" / "PG_VERSION"
        return int(record.read_text()) if record.exists() else None

    def log_tail(self) -> str:
        return traces.tail(self.path / "log")

    def signal_supervisor(self, number: signal.Signals) -> None:
        state = self.state()
        # The state may be a dead supervisor's, and its pid somebody else's by now.
        if state and b"taskflow.store.supervisor" in traces.command_of(state.supervisor):
            os.kill(state.supervisor, number)

    def launch(self, plan: Plan) -> None:
        """Start the detached supervisor, which inherits the owner lock."""
        self.clear_state()
        self._write_password()
        log = self.path / "log"
        if log.exists() and log.stat().st_size > LOG_LIMIT_BYTES:
            log.replace(self.path / "log.1")
        store = Path(__file__).parent
        packages = [str(store.parent), str(store)]
        with log.open("ab") as output:
            subprocess.run(
                [sys.executable, "-I", "-S", "-c", BOOT, *packages, json.dumps(asdict(plan))],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=_environment(),
                pass_fds=(plan.owner_lock,),
                start_new_session=True,
                check=True,
            )

    def shown(self) -> str:
        """Return the path as a person would write it from here."""
        here = Path.cwd()
        near = self.path.is_relative_to(here)
        return f"./{self.path.relative_to(here)}" if near else str(self.path)

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Turn an operating system's refusal into an error that says what to do."""
        try:
            yield
        except OSError as error:
            raise ServerFailed(
                f"Cannot prepare an embedded server in {self.path}: {error}.",
                "The directory must be writable by this user, on a local disk with room (flock "
                "does not work on every network file system).",
            ) from error

    def _write_password(self) -> None:
        path = self.path / "password"
        if not path.exists():
            unfinished = path.with_name("password.new")
            unfinished.touch(mode=0o600)
            unfinished.write_text(secrets.token_urlsafe(24))
            unfinished.replace(path)


def _environment() -> dict[str, str]:
    # PG* variables are for clients; a plain locale keeps messages English and macOS content.
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return kept | {"LC_ALL": "C"}
