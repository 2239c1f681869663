"""Contracts: arguments from SQL are checked against what the task's workers published."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.support import factories as f

Connection = psycopg.Connection[Any]
SCHEMA = {
    "type": "object",
    "properties": {
        "order_id": {"type": "integer", "minimum": 1},
        "note": {"type": "string", "default": "", "maxLength": 5},
        "who": {"anyOf": [{"$ref": "#/$defs/Person"}, {"type": "null"}], "default": None},
        "sizes": {"type": "array", "items": {"enum": ["s", "m"]}, "maxItems": 2},
        "extra": {"type": "object", "additionalProperties": {"type": "number"}},
    },
    "required": ["order_id"],
    "additionalProperties": False,
    "$defs": {
        "Person": {
            "type": "object",
            "properties": {"name": {"type": "string"}},
            "required": ["name"],
            "additionalProperties": False,
        }
    },
}


def publish(db: Connection, check: str = "reject", version: int = 1) -> None:
    contract = {"name": "pay", "args_schema": SCHEMA, "check_args": check, "version": version}
    f.call(db, "publish_tasks", tasks=Jsonb([contract]))


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ({}, "order_id is missing"),
        ({"order_id": "7"}, 'order_id: expected integer, got "7"'),
        ({"order_id": 1.5}, "order_id: expected integer, got 1.5"),
        ({"order_id": 0}, "order_id: 0 is out of bounds"),
        ({"order_id": 1, "nota": ""}, "nota is not known; there is extra, note"),
        ({"order_id": 1, "note": "too long"}, "note: expected 0 to 5 characters, got 8"),
        ({"order_id": 1, "who": {}}, "who.name is missing"),
        ({"order_id": 1, "sizes": ["s", "x"]}, 'sizes[1]: expected one of ["s", "m"], got "x"'),
        ({"order_id": 1, "sizes": ["s"] * 3}, "sizes: expected 0 to 2 items, got 3"),
        ({"order_id": 1, "extra": {"a": "b"}}, 'extra.a: expected number, got "b"'),
    ],
)
def test_what_does_not_fit_is_refused_with_its_path(
    db: Connection, args: dict[str, Any], said: str
) -> None:
    publish(db)
    with pytest.raises(psycopg.Error) as error:
        f.enqueue(db, "pay", args=args)
    assert error.value.sqlstate == "TF118"
    assert said in str(error.value)
    assert f.value(db, "select count(*) from taskflow.job") == 0


def test_what_fits_is_enqueued_with_its_defaults(db: Connection) -> None:
    publish(db)
    for args in ({"order_id": 1.0, "who": {"name": "a"}}, {"order_id": 2, "sizes": ["s", "m"]}):
        job = f.job(db, f.enqueue(db, "pay", args=args))
        assert job.args == {"note": "", "who": None, **args}


def test_warn_lets_it_pass_and_says_so(db: Connection) -> None:
    publish(db, "warn")
    said: list[str] = []
    db.add_notice_handler(lambda notice: said.append(str(notice.message_primary)))
    assert f.enqueue(db, "pay", args={"order_id": "7"})
    assert said == ['job of task pay: order_id: expected integer, got "7"']


def test_off_and_unpublished_tasks_are_not_checked(db: Connection) -> None:
    publish(db, "off")
    assert f.job(db, f.enqueue(db, "pay", args={"x": 1})).args == {"x": 1}
    assert f.enqueue(db, "unknown", args={"x": 1})


def test_in_bulk_what_does_not_fit_is_refused_alone(db: Connection) -> None:
    publish(db)
    items = Jsonb([{"order_id": 1}, {"order_id": "x"}, {"order_id": 3}])
    (answer,) = f.call_rows(db, "enqueue_many", task="pay", args=items)
    assert [id is not None for id in answer.ids] == [True, False, True]
    assert [(item["position"], item["code"]) for item in answer.refused] == [(1, "TF118")]


def test_who_says_the_version_has_checked_it(db: Connection) -> None:
    publish(db, version=3)
    job = f.enqueue(db, "pay", args={"old": True}, args_version=2)
    (claimed,) = f.claim(db, f.join(db))
    assert (claimed.id, claimed.args_version) == (job, 2)


def test_an_older_worker_does_not_put_its_contract_back(db: Connection) -> None:
    publish(db, version=2)
    publish(db, "off", version=1)
    found = f.rows(db, "select version, check_args from taskflow.task")
    assert found == [(2, "reject")]


def test_a_version_survives_a_retry(db: Connection) -> None:
    job = f.enqueue(db, "pay", args={}, args_version=2, max_attempts=1)
    worker = f.join(db)
    (claimed,) = f.claim(db, worker)
    f.settle(db, claimed, "failed")
    f.call(db, "retry", id=job)
    (again,) = f.claim(db, worker)
    assert again.args_version == 2


def test_a_claim_passes_by_what_the_worker_refuses(db: Connection) -> None:
    f.enqueue(db, "unknown")
    f.enqueue(db, "pay", args_version=3)
    fits = f.enqueue(db, "pay", args_version=2)
    plain = f.enqueue(db, "pay")
    worker = f.join(db)
    found = f.call_rows(db, "claim", worker_id=worker, queues=["default"], slots=[10],
                        refuse=["unknown", "pay@3"])  # fmt: skip
    assert [job.id for job in found] == [fits, plain]


def test_a_contract_that_refers_to_itself_ends(db: Connection) -> None:
    loop = {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}}
    assert f.value(db, "select taskflow.schema_problem(%s, '1')", Jsonb(loop)) is None


@pytest.mark.parametrize("check", ["off", "reject"])
@pytest.mark.parametrize("extra", [{}, {"unique_key": "k"}])
def test_what_sql_enqueues_is_of_the_version_that_is_published(
    db: Connection, check: str, extra: dict[str, Any]
) -> None:
    publish(db, check, version=3)
    f.enqueue(db, "pay", args={"order_id": 1}, **extra)
    f.call_rows(db, "enqueue_many", task="pay", args=Jsonb([{"order_id": 2}]))
    f.enqueue(db, "unknown")
    found = f.call_rows(db, "claim", worker_id=f.join(db), queues=["default"], slots=[10])
    assert [job.args_version for job in found] == [3, 3, None]


@pytest.mark.parametrize("on_conflict", ["replace", "merge"])
def test_new_arguments_bring_their_version(db: Connection, on_conflict: str) -> None:
    f.enqueue(db, "pay", args={"a": 1}, args_version=1, unique_key="k")
    f.enqueue(db, "pay", args={"a": 2}, args_version=2, unique_key="k", on_conflict=on_conflict)
    (claimed,) = f.claim(db, f.join(db))
    assert (claimed.args_version, claimed.args) == (2, {"a": 2})
