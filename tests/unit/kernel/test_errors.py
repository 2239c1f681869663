from __future__ import annotations

import pickle

import pytest

from taskflow import errors
from taskflow.errors import InvalidArguments, SchemaMismatch, TaskflowError, UnknownTask


def test_text_is_code_then_message_then_hint() -> None:
    error = InvalidArguments.listing([("order_id", "expected int, got str '42'")], "Pass an int.")
    assert str(error) == """TF118 argument "order_id": expected int, got str '42'. Pass an int."""


def test_text_without_hint_has_no_trailing_stop() -> None:
    assert str(errors.JobNotFound("no job 7")) == "TF120 no job 7"


def test_sync_call_names_the_fix() -> None:
    error = errors.SyncCallInLoop.calling("enqueue()", "await send_receipt.aenqueue(42)")
    assert str(error) == (
        "TF102 enqueue() was called inside a running event loop. "
        "Use await send_receipt.aenqueue(42)."
    )


def test_unknown_task_suggests_near_misses() -> None:
    error = UnknownTask.named("mail.send", ["mail.sent", "order.close"])
    assert error.similar == ("mail.sent",)
    assert 'known similar: "mail.sent"' in str(error)


def test_unknown_task_without_a_near_miss_suggests_none() -> None:
    assert UnknownTask.named("zzz", ["mail.send"]).similar == ()


def test_unknown_option_suggests_the_nearest() -> None:
    error = errors.UnknownOption.named("prioritty", ["priority", "delay"])
    assert str(error) == 'TF117 unknown option "prioritty". Did you mean "priority"?'


def test_unknown_option_without_a_near_miss_lists_all() -> None:
    error = errors.UnknownOption.named("zzz", ["priority", "delay"])
    assert error.hint == "Known: delay, priority."


@pytest.mark.parametrize(
    ("found", "needed", "fix"), [(7, 9, "taskflow db upgrade"), (9, 7, "taskflow-pg")]
)
def test_schema_mismatch_says_which_side_to_upgrade(found: int, needed: int, fix: str) -> None:
    error = SchemaMismatch.between(found, needed)
    assert f"schema is at {found}, this version needs {needed}" in str(error)
    assert fix in error.hint


@pytest.mark.parametrize(
    "error",
    [
        UnknownTask.named("mail.send", ["mail.sent"]),
        InvalidArguments.listing([("a", "missing"), ("b", "unknown")], "Takes (a)."),
        errors.NulCharacter.at("a.b[3]", "text holds U+0000"),
        errors.JobFailed.of(12, "job 12 is dead"),
        *(cls("what happened", "what to do") for cls in errors.CODES.values()),
    ],
)
def test_errors_pickle_with_all_their_fields(error: TaskflowError) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert vars(copy) == vars(error)


def test_every_code_is_unique_well_formed_and_has_a_meaning() -> None:
    for code, meaning in errors.meanings().items():
        assert len(code) == 5
        assert code.startswith("TF")
        assert errors.CODES[code].code == code
        assert meaning.endswith(".")


def test_a_code_cannot_be_taken_twice() -> None:
    with pytest.raises(TypeError, match="TF120 of Other already belongs to JobNotFound"):
        type("Other", (TaskflowError,), {"code": "TF120"})


@pytest.mark.parametrize("code", [code for code in errors.CODES if code != "TF000"])
def test_a_sqlstate_of_class_tf_is_the_code(code: str) -> None:
    error = errors.from_sqlstate(code, "said by SQL", "do this")
    assert type(error) is errors.CODES[code]
    assert str(error) == f"{code} said by SQL. do this"


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("08006", errors.DatabaseUnreachable),
        ("57P01", errors.DatabaseUnreachable),
        ("25006", errors.ReadOnlyDatabase),
        ("3F000", errors.SchemaMissing),
    ],
)
def test_states_of_postgres_map_to_classes(state: str, expected: type[TaskflowError]) -> None:
    assert errors.knows_sqlstate(state)
    assert type(errors.from_sqlstate(state, "x")) is expected


def test_an_unknown_state_stays_readable() -> None:
    assert not errors.knows_sqlstate("23505")
    assert not errors.knows_sqlstate(None)
    error = errors.from_sqlstate("TF999", "from a newer schema")
    assert type(error) is TaskflowError
    assert "TF999 from a newer schema" in str(error)
