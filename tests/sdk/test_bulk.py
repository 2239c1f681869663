"""enqueue_many: many jobs, and the right position for each that is refused, whoever refuses it."""

from __future__ import annotations

from typing import Any

import pytest

from taskflow import Taskflow
from taskflow.errors import InvalidOption, TooManyItems
from tests.sdk.conftest import Tasks
from tests.support.factories import Connection, rows, value


def numbers(db: Connection, ids: list[int | None]) -> list[Any]:
    """The argument `a` of each job, by position; None where there is no job."""
    found = dict(rows(db, "select id, (args ->> 'a')::int from taskflow.job"))
    return [None if id is None else found[id] for id in ids]


def test_ids_come_in_the_order_of_the_items(db: Connection, tasks: Tasks) -> None:
    done = tasks.add.enqueue_many([(3,), {"a": 1}, (2, 5)])
    assert numbers(db, done.ids) == [3, 1, 2]
    assert done.refused == []


async def test_async(db: Connection, tasks: Tasks) -> None:
    done = await tasks.add.aenqueue_many([(n,) for n in range(1_200)])
    assert numbers(db, done.ids) == list(range(1_200))


def test_none_is_none(db: Connection, tasks: Tasks) -> None:
    done = tasks.add.enqueue_many([])
    assert (done.ids, done.refused) == ([], [])


def test_positions_hold_over_chunks_whoever_refuses(
    db: Connection, tasks: Tasks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python refuses what does not fit the handler; SQL refuses by a limit lower than Python's."""
    monkeypatch.setattr("taskflow.bulk.CHUNK", 10)
    db.execute("update taskflow.config set value = '150' where name = 'max_args_bytes'")
    items: list[Any] = [{"a": n} for n in range(47)]
    by_python, by_sql = {0, 11, 12, 33, 46}, {5, 10, 29, 34, 45}
    for place in by_python:
        items[place] = ("no number",)
    for place in by_sql:
        items[place] = (10**200,)
    done = tasks.add.enqueue_many(items)
    assert {refused.position: refused.code for refused in done.refused} == (
        dict.fromkeys(by_python, "TF118") | dict.fromkeys(by_sql, "TF114")
    )
    assert [refused.position for refused in done.refused] == sorted(by_python | by_sql)
    kept = [None if n in by_python | by_sql else n for n in range(47)]
    assert numbers(db, done.ids) == kept
    assert value(db, "select count(*) from taskflow.job") == 37


def test_a_chunk_of_which_nothing_is_left(
    db: Connection, tasks: Tasks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("taskflow.bulk.CHUNK", 2)
    done = tasks.add.enqueue_many([(1,), (2,), ("x",), ("y",), (5,)])
    assert numbers(db, done.ids) == [1, 2, None, None, 5]


def test_items_that_are_no_arguments(tasks: Tasks) -> None:
    done = tasks.add.enqueue_many([1, "ab", [1], {"c": 1}, (), (1, 2, 3)])  # type: ignore[list-item]
    assert done.ids == [None] * 6
    said = [refused.message for refused in done.refused]
    assert "expected a tuple or a dict" in said[0]
    assert "unknown" in said[3]
    assert "missing" in said[4]
    assert "takes 2 positional arguments, got 3" in said[5]


def test_one_key_cannot_serve_many(tasks: Tasks) -> None:
    with pytest.raises(InvalidOption, match="one unique_key cannot serve many jobs"):
        tasks.add.options(unique_key="k").enqueue_many([(1,)])


def test_options_are_those_of_each(db: Connection, tasks: Tasks) -> None:
    tasks.add.options(queue="bulk", delay="1h", tags=["x"]).enqueue_many([(1,), (2,)])
    assert (
        rows(db, "select queue, tags, run_at > now() from taskflow.job")
        == [("bulk", ["x"], True)] * 2
    )


@pytest.mark.slow
def test_the_largest_chunks(db: Connection, tf: Taskflow, tasks: Tasks) -> None:
    items: list[Any] = [(n,) for n in range(12_345)]
    items[7_777] = (None,)
    done = tasks.add.enqueue_many(items)
    assert [refused.position for refused in done.refused] == [7_777]
    assert value(db, "select count(*) from taskflow.job") == 12_344
    last = tf.client.get(done.ids[-1] or 0)
    assert last is not None
    assert bytes(last.args) == b'{"a": 12344}'


def test_a_call_of_many_chunks_commits_all_or_nothing(
    db: Connection, tasks: Tasks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second chunk is too long for the server: the first one goes with it."""
    monkeypatch.setattr("taskflow.bulk.CHUNK", 3)
    db.execute("update taskflow.config set value = '2' where name = 'max_items'")
    with pytest.raises(TooManyItems):
        tasks.add.enqueue_many([(n,) for n in range(7)])
    assert db.execute("select count(*) from taskflow.job").fetchone() == (0,)
