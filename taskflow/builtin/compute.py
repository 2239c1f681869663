"""taskflow.compute: keeps a processor busy for a while, to see how workers share the work.

It runs in a child process, which finds its task by the name of this module: hence an app of its
own.
"""

from __future__ import annotations

import hashlib
from typing import Literal

from taskflow.app import Taskflow
from taskflow.errors import InvalidArguments
from taskflow.kernel.job import Options
from taskflow.kernel.retry import Retry
from taskflow.task import Task

Function = Literal["fibonacci", "primes", "hash"]
MOST = {"fibonacci": 20_000, "primes": 20_000_000, "hash": 10_000_000}
RETRY = Retry(3)

tf = Taskflow()


@tf.task(name="taskflow.compute", run_in="process", retry=RETRY)
def compute(function: Function = "primes", n: int = 100_000) -> str:
    """Answers as text the nth Fibonacci number, the number of primes below n, or n times SHA-256.

    n is at most 20,000, 20,000,000 and 10,000,000.
    """
    if not 0 <= n <= MOST[function]:
        raise InvalidArguments.listing(
            [("n", f"expected 0 to {MOST[function]} for {function}")], ""
        )
    return {"fibonacci": fibonacci, "primes": primes, "hash": digest}[function](n)


def add_to(app: Taskflow) -> None:
    options = Options(max_attempts=RETRY.max_attempts)
    app.register(
        Task(
            app, compute.fn, name="taskflow.compute", options=options, retry=RETRY, run_in="process"
        )
    )


def fibonacci(n: int) -> str:
    before, number = 1, 0
    for _ in range(n):
        before, number = number, before + number
    return str(number)


def primes(n: int) -> str:
    sieve = bytearray([1]) * n
    sieve[:2] = bytes(min(n, 2))
    for number in range(2, int(n**0.5) + 1):
        if sieve[number]:
            sieve[number * number :: number] = bytes(len(range(number * number, n, number)))
    return str(sum(sieve))


def digest(n: int) -> str:
    found = b""
    for _ in range(n):
        found = hashlib.sha256(found).digest()
    return found.hex()
