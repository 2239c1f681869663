"""Tasks for child processes, which import them by name; `tf` is pointed at a database by tests."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from taskflow import Cancel, Context, Taskflow

tf = Taskflow("postgresql://nobody@127.0.0.1:1/nowhere")


@tf.task(run_in="process")
def pid_of_child() -> int:
    return os.getpid()


@tf.task(run_in="process")
def own_module(ctx: Context) -> list[str]:
    return [ctx.task, ctx.key, __name__]


@tf.task(run_in="process")
def outcome() -> object:
    return Cancel("said by a child")


@tf.task(run_in="process", retry=1)
def fail(text: str) -> None:
    raise ValueError(text)


@tf.task(run_in="process", retry=1)
def stop_iteration() -> None:
    raise StopIteration


@tf.task(run_in="process", retry=1)
def unstorable() -> str:
    return "\0"


@tf.task(run_in="process", retry=1)
def crash() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@tf.task(run_in="process", retry=1)
def compute_for_ever(pid_file: str) -> None:
    """Deaf to everything but a signal."""
    Path(pid_file).write_text(str(os.getpid()), encoding="ascii")
    while True:
        time.monotonic()


@tf.task(run_in="process")
def write_in_transaction(ctx: Context, n: int) -> str:
    with ctx.transaction() as connection:
        connection.execute("insert into effect (n) values (%s)", (n,))
        pid_of_child.on(connection).enqueue()
    return "written"


@tf.task(run_in="process", retry=1)
def write_and_fail(ctx: Context, n: int) -> None:
    with ctx.transaction() as connection:
        connection.execute("insert into effect (n) values (%s)", (n,))
        raise ValueError("not this time")


class TwoWords(Exception):
    """Cannot be made again from what pickle keeps of it."""

    def __init__(self, one: str, other: str) -> None:
        super().__init__(f"{one} {other}")


@tf.task(run_in="process", retry=1)
def unportable() -> None:
    raise TwoWords("never", "arrives")
