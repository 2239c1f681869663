"""Tasks of taskflow's own: known where they are wanted, and no further than their rules."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from typing import Any

import psycopg
import pytest

from taskflow import Taskflow, builtin
from taskflow.builtin import compute
from taskflow.errors import ConfigurationError, InvalidArguments
from tests.support import factories as f
from tests.support.serving import eventually, serving
from tests.webhooks.sink import listening, plain
from tests.worker.conftest import MakeApp

Connection = psycopg.Connection[Any]


async def end_of(tf: Taskflow, db: Connection, task: str, **args: Any) -> Any:
    """The job of this task once it has ended, as taskflow.job_view shows it."""
    id = f.enqueue(db, task, args=args, max_attempts=1)
    async with serving(tf, settled=False):
        await eventually(lambda: f.state(db, id) in ("succeeded", "dead", "cancelled"), seconds=20)
    return f.job(db, id)


def test_names_are_chosen_by_the_setting() -> None:
    assert builtin.chosen("") == []
    assert builtin.chosen("all") == list(builtin.NAMES)
    assert builtin.chosen(" echo, taskflow.sql ,") == ["echo", "sql"]
    with pytest.raises(ConfigurationError, match="Did you mean echo"):
        builtin.chosen("ecko")


async def test_only_what_is_asked_for_is_known(make_app: MakeApp, db: Connection) -> None:
    tf = make_app(builtin_tasks="echo")
    async with serving(tf):
        assert {"taskflow.deliver", "taskflow.echo"} <= set(tf.tasks)
        assert "taskflow.sql" not in tf.tasks
        names = f.value(db, "select tasks from taskflow.worker")
        assert "taskflow.echo" in names
    contract = f.value(db, "select args_schema from taskflow.task where name = 'taskflow.echo'")
    assert "value" in contract["properties"]


async def test_echo(make_app: MakeApp, db: Connection) -> None:
    job = await end_of(make_app(builtin_tasks="echo"), db, "taskflow.echo", value={"a": [1, None]})
    assert job.result == {"a": [1, None]}


@pytest.mark.parametrize(
    ("function", "n", "result"),
    [("fibonacci", 10, "55"), ("fibonacci", 0, "0"), ("primes", 100, "25"), ("primes", 0, "0"),
     ("primes", 1, "0"), ("hash", 1, hashlib.sha256(b"").hexdigest())],
)  # fmt: skip
def test_what_is_computed(function: Any, n: int, result: str) -> None:
    assert compute.compute(function, n) == result


def test_the_largest_n_fits_a_result_and_one_more_is_refused() -> None:
    assert len(compute.fibonacci(compute.MOST["fibonacci"])) < 4300  # digits that Python prints
    for function, most in compute.MOST.items():
        for n in (-1, most + 1):
            with pytest.raises(InvalidArguments):
                compute.compute(function, n)


async def test_compute_runs_in_a_child(make_app: MakeApp, db: Connection) -> None:
    tf = make_app(builtin_tasks="compute", cpu_processes=1)
    assert (await end_of(tf, db, "taskflow.compute", function="primes", n=1000)).result == "168"


# --- http_request ---------------------------------------------------------------------------------

OUTSIDE = "https://8.8.8.8/"


async def test_a_request_answers_status_headers_and_body(make_app: MakeApp, db: Connection) -> None:
    tf = make_app(builtin_tasks="http_request", webhook_allow="127.0.0.1", webhook_http=True)
    async with listening(plain(404, b"gone\0", X_A="b")) as sink:
        job = await end_of(tf, db, "taskflow.http_request", url=sink.url, method="PUT",
                           headers={"X-C": "d"}, body="ü")  # fmt: skip
    assert (job.result["status"], job.result["body"], job.result["headers"]["x-a"]) == (
        404, "gone\ufffd", "b")  # fmt: skip
    (request,) = sink.requests
    assert (request.line[:4], request.headers["x-c"], request.body) == ("PUT ", "d", "ü".encode())


@pytest.mark.parametrize(
    ("error", "args"),
    [
        ("AddressRefused", {"url": "http://127.0.0.1:1/"}),
        ("AddressRefused", {"url": "https://127.0.0.1/"}),
        ("AddressRefused", {"url": "https://localhost/"}),
        ("AddressRefused", {"url": "https://[::1]/"}),
        ("AddressRefused", {"url": "https://169.254.169.254/latest/meta-data"}),
        ("InvalidArguments", {"url": OUTSIDE, "headers": {"Host": "b"}}),
        ("InvalidArguments", {"url": OUTSIDE, "headers": {"X": "a\r\nB: c"}}),
        ("InvalidArguments", {"url": OUTSIDE, "headers": {"A": "1", "a": "2"}}),
        ("InvalidArguments", {"url": OUTSIDE, "headers": {"Webhook-Signature": "1"}}),
        ("InvalidArguments", {"url": OUTSIDE, "headers": {f"x{n}": "" for n in range(51)}}),
        ("InvalidArguments", {"url": OUTSIDE, "method": "CONNECT"}),
        ("InvalidArguments", {"url": OUTSIDE, "method": "GET / HTTP/1.1\r\nX: "}),
        ("InvalidArguments", {"url": OUTSIDE, "timeout": 301}),
        ("InvalidArguments", {"url": OUTSIDE, "timeout": 0}),
    ],
    ids=str,
)
async def test_what_may_not_be_asked_is_refused(
    make_app: MakeApp,
    db: Connection,
    error: str,
    args: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_network(*_: Any) -> Any:
        raise AssertionError("it was sent")

    monkeypatch.setattr("httpcore.AnyIOBackend.connect_tcp", no_network)
    job = await end_of(make_app(builtin_tasks="http_request"), db, "taskflow.http_request", **args)
    assert (job.state, job.error_class.rpartition(".")[2]) == ("dead", error)


# --- sql ------------------------------------------------------------------------------------------

STATEMENTS = {
    "double": "select %(n)s::bigint * 2 as doubled, %(word)s::text as word",
    "write": "insert into taskflow_test_sql values (%(n)s)",
    "many": "select n from generate_series(1, 5000) n",
}


async def test_a_listed_statement_runs_with_its_parameters(
    make_app: MakeApp, db: Connection
) -> None:
    tf = make_app(builtin_tasks="sql", sql_statements=STATEMENTS)
    args = {"statement": "double", "params": {"n": 4, "word": "'; drop table x; --"}}
    job = await end_of(tf, db, "taskflow.sql", **args)
    assert job.result == {"count": 1, "rows": [{"doubled": 8, "word": "'; drop table x; --"}]}
    many = await end_of(tf, db, "taskflow.sql", statement="many")
    assert (many.result["count"], len(many.result["rows"])) == (5000, 1000)


async def test_it_writes_in_the_transaction_of_its_job(make_app: MakeApp, db: Connection) -> None:
    tf = make_app(builtin_tasks="sql", sql_statements=STATEMENTS)
    db.execute("create table taskflow_test_sql (n integer not null)")
    try:
        done = await end_of(tf, db, "taskflow.sql", statement="write", params={"n": 1})
        failed = await end_of(tf, db, "taskflow.sql", statement="write", params={"n": None})
        assert (done.state, failed.state) == ("succeeded", "dead")
        assert f.value(db, "select array_agg(n) from taskflow_test_sql") == [1]
    finally:
        db.execute("drop table taskflow_test_sql")


@pytest.mark.parametrize("statement", ["select 1", "doubel", "", "__class__"])
async def test_any_other_statement_is_refused(
    make_app: MakeApp, db: Connection, statement: str
) -> None:
    tf = make_app(builtin_tasks="sql", sql_statements=STATEMENTS)
    job = await end_of(tf, db, "taskflow.sql", statement=statement)
    assert job.state == "dead"
    assert job.error_class.endswith("InvalidArguments")


# --- a worker without an app ----------------------------------------------------------------------


def test_a_worker_without_an_app_serves_them(dsn: str, db: Connection, tmp_path: Any) -> None:
    id = f.enqueue(db, "taskflow.echo", args={"value": 7})
    done = subprocess.run(
        [sys.executable, "-m", "taskflow", "worker", "--builtin", "echo", "--burst"],
        cwd=tmp_path, env={"TASKFLOW_DATABASE_URL": dsn, "PATH": "/usr/bin", "HOME": str(tmp_path)},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert f.job(db, id).result == 7
