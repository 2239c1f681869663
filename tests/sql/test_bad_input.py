"""Bad input at the SQL door: refused with a code and a hint, or stored and harmless; never half."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.support import factories as f
from tests.support.db import NEWEST

Connection = psycopg.Connection[Any]

NAMES = ["", " ", "UPPER", "a b", "a/b", "é", "a\n", "\na", "x" * 64, "'; drop table job; --", "*"]
DEEP = {"a": json.loads("[" * 80 + "]" * 80)}

REFUSED: list[tuple[str, dict[str, Any]]] = [
    *(("TF110", {"queue": name}) for name in NAMES),
    *(("TF110", {"tenant": name}) for name in NAMES),
    *(("TF110", {"task": name}) for name in ["", " ", "a b", "x" * 201, "é", "a\n", None]),
    ("TF111", {"priority": "urgent"}),
    ("TF111", {"priority": ""}),
    ("TF111", {"priority": "2"}),
    ("TF111", {"max_attempts": 0}),
    ("TF111", {"max_attempts": -1}),
    ("TF111", {"max_attempts": 1001}),
    ("TF111", {"max_attempts": 2**31 - 1}),
    ("TF111", {"unique_key": ""}),
    ("TF111", {"unique_key": "k" * 501}),
    ("TF111", {"unique_key": "é" * 251}),
    ("TF111", {"tags": ["ok", ""]}),
    ("TF111", {"tags": ["a\nb"]}),
    ("TF111", {"tags": ["t" * 101]}),
    ("TF111", {"tags": ["t"] * 51}),
    ("TF111", {"tags": [None]}),
    ("TF111", {"tags": "{{a,b},{c,d}}"}),
    ("TF111", {"tags": "[0:1]={a,b}"}),
    ("TF111", {"unique_by": "{{a,b}}"}),
    ("TF111", {"unique_by": "[0:0]={*}"}),
    ("TF111", {"unique_key": "k", "on_conflict": "replace", "replace": "{{args,tags}}"}),
    ("TF111", {"depends_on": "{{1},{2}}"}),
    ("TF111", {"meta": Jsonb([1])}),
    ("TF111", {"meta": {"m": "x" * 70_000}}),
    ("TF111", {"meta": DEEP}),
    ("TF111", {"meta": {"m": 10**301}}),
    ("TF111", {"run_at": "2030-01-01", "delay": "1 s"}),
    ("TF112", {"run_at": "infinity"}),
    ("TF112", {"run_at": "-infinity"}),
    ("TF112", {"run_at": "294276-12-31"}),
    ("TF112", {"run_at": "0001-01-01"}),
    ("TF112", {"delay": "11 years"}),
    ("TF112", {"delay": "-11 years"}),
    ("TF112", {"delay": "178000000 years"}),
    ("TF112", {"timeout": "0"}),
    ("TF112", {"timeout": "-1 s"}),
    ("TF112", {"timeout": "31 days"}),
    ("TF112", {"deadline": "infinity"}),
    ("TF112", {"deadline": "-infinity"}),
    ("TF112", {"deadline": "2001-01-01"}),
    ("TF112", {"deadline": "9999-12-31"}),
    ("TF112", {"deadline": "200000-01-01"}),
    ("TF112", {"deadline": "200000-01-01", "tags": ["long way"]}),
    *(("TF113", {"args": Jsonb(args)}) for args in ([], [1], "a", 1, True)),
    ("TF113", {"args": "null"}),
    ("TF113", {"args": None}),
    ("TF114", {"args": {"text": "x" * 1_048_570}}),
    ("TF115", {"args": DEEP}),
    ("TF116", {"args": {"n": 10**301}}),
    ("TF116", {"args": '{"n": 1e100000}'}),
    ("TF116", {"args": '{"n": -1e100000}'}),
    ("TF116", {"args": {"deep": [{"n": 10**400}]}}),
    ("TF116", {"args": f'{{"n": 1e5000, "pad": "{"x" * 20_000}"}}'}),
]


@pytest.mark.parametrize(
    ("code", "options"), REFUSED, ids=[f"{n}-{code}" for n, (code, _) in enumerate(REFUSED)]
)
def test_a_refusal_has_its_code_a_hint_and_leaves_nothing(
    db: Connection, code: str, options: dict[str, Any]
) -> None:
    with pytest.raises(psycopg.Error) as error:
        f.call(db, "enqueue", **{"task": "t"} | options)
    assert error.value.sqlstate == code, error.value
    assert error.value.diag.message_hint
    assert error.value.diag.message_primary
    assert len(error.value.diag.message_primary) < 300
    assert f.value(db, "select count(*) from taskflow.job") == 0


@pytest.mark.parametrize(
    ("code", "options"),
    [(code, options) for code, options in REFUSED if code in ("TF110", "TF111", "TF112")
     and not any(name.startswith("unique") for name in options)][::3],
)  # fmt: skip
def test_a_batch_refuses_bad_options_alike(
    db: Connection, code: str, options: dict[str, Any]
) -> None:
    with pytest.raises(psycopg.Error) as error:
        f.call_rows(db, "enqueue_many", **{"task": "t", "args": Jsonb([{}])} | options)
    assert error.value.sqlstate == code
    assert f.value(db, "select count(*) from taskflow.job") == 0


@pytest.mark.parametrize("args", [Jsonb({}), Jsonb("x"), None, "null"])
def test_a_batch_must_be_an_array(db: Connection, args: object) -> None:
    with pytest.raises(psycopg.Error) as error:
        f.call_rows(db, "enqueue_many", task="t", args=args)
    assert (error.value.sqlstate, bool(error.value.diag.message_hint)) == ("TF113", True)


@pytest.mark.parametrize("keys", ["{{a,b}}", "{{a},{b}}", "[0:1]={a,b}", "[2:3]={a,b}"])
def test_unique_keys_must_be_a_plain_list(db: Connection, keys: str) -> None:
    """They were read by place, and each job got its neighbour's key or none."""
    with pytest.raises(psycopg.Error) as error:
        f.call_rows(db, "enqueue_many", task="t", args=Jsonb([{}, {}]), unique_keys=keys)
    assert (error.value.sqlstate, bool(error.value.diag.message_hint)) == ("TF111", True)
    assert f.value(db, "select count(*) from taskflow.job") == 0


@pytest.mark.parametrize(
    "statement",
    ["select taskflow.claim({worker}, '{{{{a,b}}}}')",
     "select taskflow.claim({worker}, '[0:1]={{a,b}}')",
     "select taskflow.claim({worker}, '{{a,b}}', '[0:1]={{1,2}}')",
     "select taskflow.join_worker('w', '{{{{a,b}}}}')",
     "select taskflow.join_worker('w', slots => '{{{{1,2}}}}')",
     "select taskflow.join_worker('w', tasks => '{{{{a,b}}}}')",
     "select taskflow.settle_many('[0:0]={{1}}', '{{1}}')",
     "select taskflow.settle_many('{{1}}', '[0:0]={{1}}')",
     "select taskflow.settle_many('{{1}}', '{{1}}', tenants => '{{{{a}}}}')"],
)  # fmt: skip
def test_what_workers_give_by_place_must_be_a_plain_list(db: Connection, statement: str) -> None:
    with pytest.raises(psycopg.Error) as error:
        db.execute(statement.format(worker=f.join(db, "a", "b")))
    assert (error.value.sqlstate, bool(error.value.diag.message_hint)) == ("TF111", True)


@pytest.mark.parametrize("queues", ["{u,u}", "{{u,u}}", "{u,NULL}", "[0:1]={u,v}"])
def test_a_worker_may_wait_for_a_queue_twice(db: Connection, queues: str) -> None:
    """21000, cannot affect row a second time."""
    worker = f.join(db, "u")
    assert f.call(db, "wait_for_work", worker_id=worker, queues=queues) is None
    waiting = f.value(db, "select array_agg(queue order by queue) from taskflow.waiter")
    assert waiting in (["u"], ["u", "v"])


def test_a_batch_has_a_limit(db: Connection) -> None:
    db.execute("update taskflow.config set value = '3' where name = 'max_items'")
    f.enqueue_many(db, 3)
    with pytest.raises(psycopg.Error) as error:
        f.enqueue_many(db, 4)
    assert (error.value.sqlstate, bool(error.value.diag.message_hint)) == ("TF122", True)


ACCEPTED: list[dict[str, Any]] = [
    {"queue": "x" * 63, "tenant": "a.b-c_9"},
    {"task": "Mod.sub:Task-1_x" + "y" * 184},
    {"unique_key": "é" * 250},
    {"unique_key": "'; select"},
    {"tags": ["é" * 100] * 50, "meta": {"m": "x" * 65_000}},
    {"tags": [], "meta": {}},
    {"args": {"n": 10**300, "m": -1e300, "small": 1e-300}},
    {"args": '{"n": 1e-16000}'},
    {"args": {"text": "x" * 1_048_000}},
    {"args": {"digits": "9" * 1000}},
    {"args": json.loads('{"a":' * 64 + "1" + "}" * 64)},
    {"max_attempts": 1000, "timeout": "30 days"},
    {"delay": "-9 years"},
    {"delay": "9 years"},
    {"delay": "9 years", "deadline": "2045-01-01"},
]


@pytest.mark.parametrize("options", ACCEPTED, ids=range(len(ACCEPTED)))
def test_the_edge_of_what_is_accepted(db: Connection, options: dict[str, Any]) -> None:
    assert f.job(db, f.enqueue(db, **options)) is not None


def test_one_bad_row_never_fails_a_batch(db: Connection) -> None:
    bad: list[object] = [[], None, "x", DEEP, {"n": 10**301}, {"text": "x" * 1_100_000}]
    items = [item for wrong in bad for item in ({"ok": 1}, wrong)]
    (answer,) = f.call_rows(db, "enqueue_many", task="t", args=Jsonb(items))
    assert [number is not None for number in answer.ids] == [True, False] * len(bad)
    codes = [refused["code"] for refused in answer.refused]
    assert codes == ["TF113", "TF113", "TF113", "TF115", "TF116", "TF114"]
    keys = ["k1", "", "k" * 501, None]
    (answer,) = f.call_rows(db, "enqueue_many", task="t", args=Jsonb([{}] * 4), unique_keys=keys)
    assert [number is not None for number in answer.ids] == [True, False, False, True]
    assert sorted((r["position"], r["code"]) for r in answer.refused) == [
        (1, "TF111"),
        (2, "TF111"),
    ]


# --- what Postgres itself refuses, before any function of ours sees it ----------------------------


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ('{"a": "\\u0000"}', "22P05"),
        ('{"\\u0000": 1}', "22P05"),
        ('{"a": "\\ud800"}', "22P02"),
        ('{"a": "\\udc00x"}', "22P02"),
        ('{"a": NaN}', "22P02"),
        ('{"a": Infinity}', "22P02"),
        ('{"a": 1e1000000}', "22003"),
        ("{", "22P02"),
        ('{"a":' * 20_000 + "1" + "}" * 20_000, "54001"),
    ],
    ids=["nul", "nul-key", "high", "low", "nan", "infinity", "bomb", "cut", "20000-levels"],
)
def test_what_is_no_jsonb_is_refused_by_its_cast(db: Connection, text: str, state: str) -> None:
    with pytest.raises(psycopg.Error) as error:
        f.enqueue(db, args=text)
    assert error.value.sqlstate in (state, "TF115")
    assert f.value(db, "select count(*) from taskflow.job") == 0


@pytest.mark.parametrize("levels", [65, 500, 3_000])
def test_depth_is_refused_at_every_depth_that_the_cast_lets_through(
    db: Connection, levels: int
) -> None:
    with pytest.raises(psycopg.Error) as error:
        f.enqueue(db, args='{"a":' * levels + "1" + "}" * levels)
    assert error.value.sqlstate == "TF115"


@pytest.mark.slow
def test_a_hundred_megabytes_are_refused_in_one_piece(db: Connection, server_name: str) -> None:
    if server_name != NEWEST:
        pytest.skip("four seconds, and no server differs here")
    with pytest.raises(psycopg.Error) as error:
        f.enqueue(db, args='{"a": "' + "x" * 100_000_000 + '"}')
    assert error.value.sqlstate == "TF114"
    assert f.value(db, "select 1") == 1


def test_nul_in_a_text_never_reaches_the_server(db: Connection) -> None:
    with pytest.raises(psycopg.DataError):
        f.enqueue(db, queue="a\0b")
    with pytest.raises(UnicodeEncodeError):
        f.enqueue(db, unique_key="\ud800")
    assert f.value(db, "select count(*) from taskflow.job") == 0


# --- the other verbs ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verb", "code"),
    [
        ("cancel", "TF120"),
        ("retry", "TF120"),
        ("discard", "TF120"),
        ("reschedule", "TF120"),
    ],
)
@pytest.mark.parametrize("id_", [0, -1, 2**62, None])
def test_an_unknown_job_is_told_so(db: Connection, verb: str, code: str, id_: int | None) -> None:
    extra = {"run_at": "now"} if verb == "reschedule" else {}
    with pytest.raises(psycopg.Error) as error:
        f.call(db, verb, id=id_, **extra)
    assert (error.value.sqlstate, bool(error.value.diag.message_hint)) == (code, True)


@pytest.mark.parametrize("run_at", ["infinity", "-infinity", "2999-01-01", None])
def test_reschedule_refuses_times_out_of_range(db: Connection, run_at: str | None) -> None:
    job = f.enqueue(db)
    before = f.job(db, job).run_at
    with pytest.raises(psycopg.Error) as error:
        f.call(db, "reschedule", id=job, run_at=run_at)
    assert (error.value.sqlstate, bool(error.value.diag.message_hint)) == ("TF112", True)
    assert f.job(db, job).run_at == before


@pytest.mark.parametrize("name", [*NAMES, None])
def test_queue_names_are_checked_wherever_one_is_made(db: Connection, name: str | None) -> None:
    for verb, options in (
        ("pause_queue", {"queue": name}),
        ("join_worker", {"name": "w", "queues": ["ok", name]}),
    ):
        with pytest.raises(psycopg.Error) as error:
            f.call(db, verb, **options)
        assert (error.value.sqlstate, bool(error.value.diag.message_hint)) == ("TF110", True)


def test_published_tasks_with_bad_names_are_left_out(db: Connection) -> None:
    tasks = [{"name": "good"}, {"name": "a b"}, {}, {"name": ""}]
    db.execute("select taskflow.publish_tasks(%s)", (Jsonb(tasks),))
    assert f.value(db, "select array_agg(name) from taskflow.task") == ["good"]


@pytest.mark.parametrize(
    "bad",
    [{"timeout": "soon"}, {"timeout": "178000000 years"}, {"timeout": "0"}, {"timeout": {"a": 1}},
     {"queue": "No Queue"}, {"queue": ""}, {"queue": "q" * 64}, {"queue": ["q"]},
     {"max_attempts": "many"}, {"max_attempts": 0}, {"max_attempts": 10**30},
     {"max_attempts": -1}, {"max_attempts": 2.5}, {"priority": "urgent"}, {"priority": 1}],
    ids=str,
)  # fmt: skip
def test_a_published_default_that_is_none_is_left_out(db: Connection, bad: dict[str, Any]) -> None:
    """One malformed timeout published nothing; a bad queue made every enqueue fail."""
    good = {"queue": "mails", "priority": "high", "max_attempts": 7, "timeout": "00:00:10"}
    tasks = [{"name": "a", **good}, {"name": "b", **good, **bad}, {"name": "c", **good}]
    heard: list[str] = []

    def hear(notice: psycopg.errors.Diagnostic) -> None:
        heard.append(str(notice.message_primary))

    db.add_notice_handler(hear)
    f.call(db, "publish_tasks", tasks=Jsonb(tasks))
    db.remove_notice_handler(hear)
    (field,) = bad
    assert len(heard) == 1
    assert heard[0].startswith(f"task b: left out as not valid: {field} ")
    published = f.rows(
        db,
        "select name, queue, priority, max_attempts, timeout::text from taskflow.task order by 1",
    )
    expected = ("mails", 1, 7, "00:00:10")
    assert [tuple(row) for row in published if row.name != "b"] == [
        ("a", *expected), ("c", *expected),
    ]  # fmt: skip
    kept = published[1]._asdict()
    assert kept.pop(field) is None
    assert set(kept.values()) == {"b", *expected} - {good[field] if field != "priority" else 1}
    found = f.job(db, f.enqueue(db, "b"))
    assert found.queue == ("default" if field == "queue" else "mails")


def test_long_texts_of_operators_are_cut(db: Connection) -> None:
    job = f.enqueue(db)
    f.call(db, "pause_queue", queue="default", reason="r" * 100_000)
    f.call(db, "cancel", id=job, reason="r" * 100_000)
    assert len(f.job(db, job).reason) == 1000
    assert f.value(db, "select length(pause_reason) from taskflow.queue") == 1000


def test_a_result_of_any_shape_is_kept(db: Connection) -> None:
    for result in ({"a": 1}, [1], "text", 0, False, None):
        job = f.enqueue(db)
        (claimed,) = f.claim(db, f.join(db))
        f.settle(db, claimed, result=Jsonb(result), delay=timedelta(0))
        assert f.job(db, job).result == result


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_args_bytes", "abc"),
        ("max_args_bytes", "1 MB"),
        ("max_args_bytes", "-1"),
        ("max_args_bytes", "9999999999"),
        ("max_items", ""),
        ("max_attempts", "0"),
        ("max_attempts", "1001"),
        ("max_lost", "three"),
        ("partitions_ahead", "0"),
        ("partitions_ahead", "365"),
        ("history_retention", "abc"),
        ("history_retention", "0"),
        ("dead_retention", "-1 day"),
        ("attempt_retention", "100000 years"),
    ],
)
def test_a_setting_that_no_function_could_read_is_not_written(
    db: Connection, name: str, value: str
) -> None:
    """It would make every call fail that asks for it."""
    with pytest.raises((psycopg.errors.CheckViolation, psycopg.errors.DataError)):
        db.execute("update taskflow.config set value = %s where name = %s", (value, name))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_args_bytes", "2097152"),
        ("max_attempts", "1000"),
        ("partitions_ahead", "14"),
        ("history_retention", "36 hours"),
        ("dead_retention", "1 year"),
    ],
)
def test_a_setting_that_makes_sense_is_written(db: Connection, name: str, value: str) -> None:
    db.execute("update taskflow.config set value = %s where name = %s", (value, name))
    assert f.value(db, "select taskflow.config(%s)", name) == value
    f.enqueue(db)
    f.call(db, "maintain")
