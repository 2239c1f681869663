"""PostgreSQL refuses to run as root; this turns a root process into one that it accepts.

First choice is a user namespace: inside it root looks like `nobody`, outside the files stay root's,
and no permission on disk changes. Where that is forbidden (Docker's default seccomp profile), the
process becomes SUDO_UID, `postgres` or `nobody`, owns the server's directory, and copies the
programs if they lie where that user may not look. Each way is tried in a child before it is taken,
because none can be undone. The process must have a single thread.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from taskflow.store.traces import ServerFailed

NO_NAMESPACE = "TASKFLOW_PG_NO_NAMESPACE"
"""Environment variable that skips the user namespace, for hosts where it misbehaves."""

CLONE_NEWUSER = 0x10000000
NOBODY = "nobody"


def shed_root(directory: Path, programs: Path) -> Path:
    """Become somebody who may run postgres on `directory`; return where the programs are then.

    Does nothing for a process that is not root. Raises ServerFailed if no way is open.
    """
    if os.geteuid() != 0:
        return programs
    owner = _owner(directory / "data")
    may_enter = not owner and not os.environ.get(NO_NAMESPACE)
    if may_enter and _survives(_enter_namespace, programs, directory):
        _enter_namespace()
        return programs
    for account in _accounts(owner):
        _give(directory, account)
        found = _reachable_programs(directory, programs, account)
        if found is not None:
            _become(account)
            return found
    raise ServerFailed(
        f"PostgreSQL does not run as root, and no other user can reach both {programs} and "
        f"{directory}.",
        "Run this as an ordinary user, or choose a directory that others may enter, such as one "
        "below /var/tmp.",
    )


def _owner(data: Path) -> int | None:
    return data.stat().st_uid if data.exists() else None


def _accounts(owner: int | None) -> Iterator[pwd.struct_passwd]:
    # initdb wants an account with a name, so numbers without an entry are skipped.
    wanted: list[int | str | None] = [owner, os.environ.get("SUDO_UID"), "postgres", NOBODY]
    for name in wanted:
        if not name:
            continue
        try:
            account = (
                pwd.getpwnam(name) if name in ("postgres", NOBODY) else pwd.getpwuid(int(name))
            )
        except (KeyError, ValueError):
            continue
        if account.pw_uid != 0:
            yield account


def _enter_namespace() -> None:
    account = pwd.getpwnam(NOBODY)
    uid, gid = os.getuid(), os.getgid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "unshare refused a user namespace")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{account.pw_uid} {uid} 1")
    Path("/proc/self/gid_map").write_text(f"{account.pw_gid} {gid} 1")


def _become(account: pwd.struct_passwd) -> None:
    os.setgroups([])
    os.setgid(account.pw_gid)
    os.setuid(account.pw_uid)


def _reachable_programs(directory: Path, programs: Path, account: pwd.struct_passwd) -> Path | None:
    if _survives(lambda: _become(account), programs, directory):
        return programs
    copy = _copy_install(programs, directory / "install")
    _give(directory, account)
    return copy if _survives(lambda: _become(account), copy, directory) else None


def _copy_install(programs: Path, target: Path) -> Path:
    # The wheels find their libraries by a path relative to the programs: ../../../<package>.libs.
    install = programs.parent
    package = install.parent
    copy = target / package.name / install.name
    if not copy.exists():
        libraries = package.with_name(package.name + ".libs")
        if libraries.is_dir():
            shutil.copytree(libraries, target / libraries.name, dirs_exist_ok=True)
        shutil.copytree(install, copy, ignore=shutil.ignore_patterns("include", "*.a", "doc"))
    return copy / programs.name


def _give(directory: Path, account: pwd.struct_passwd) -> None:
    for place, folders, files in os.walk(directory):
        for name in [".", *folders, *files]:
            os.chown(Path(place, name), account.pw_uid, account.pw_gid, follow_symlinks=False)


def _survives(change: Callable[[], None], programs: Path, directory: Path) -> bool:
    """Would postgres run on `directory` after `change`? Tried in a child that then ends."""
    child = os.fork()
    if child == 0:
        usable = False
        try:
            change()
            next(directory.iterdir())
            version = [str(programs / "postgres"), "--version"]
            done = subprocess.run(version, capture_output=True, check=False)
            usable = os.geteuid() != 0 and done.returncode == 0 and os.access(directory, os.W_OK)
        finally:
            os._exit(0 if usable else 1)
    return os.waitpid(child, 0)[1] == 0
