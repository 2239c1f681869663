"""Settings: argument before environment before file before default, and each knows its origin."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from taskflow import Taskflow, TaskflowError, settings
from taskflow.errors import ConfigurationError, UnknownOption


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory, and nothing in the environment."""
    import os

    for name in list(os.environ):
        if name.startswith("TASKFLOW_") or name == "DATABASE_URL":
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_order_of_precedence(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "taskflow.toml").write_text('tenant = "file"\nslots = 7\npool-size = 3\nlease = "9s"\n')
    monkeypatch.setenv("TASKFLOW_TENANT", "environment")
    monkeypatch.setenv("TASKFLOW_SLOTS", "8")
    app = Taskflow(tenant="argument")
    found = app.settings
    assert (found.tenant, found.slots, found.pool_size) == ("argument", 8, 3)
    assert (found.lease, found.threads) == (timedelta(seconds=9), 32)
    assert {name: app.origins[name] for name in ("tenant", "slots", "pool_size", "threads")} == {
        "tenant": "argument",
        "slots": "environment TASKFLOW_SLOTS",
        "pool_size": "file taskflow.toml",
        "threads": "default",
    }


def test_from_env(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://shared/db")
    app = Taskflow.from_env()
    assert app.settings.database_url == "postgresql://shared/db"
    assert app.origins["database_url"] == "environment DATABASE_URL"
    monkeypatch.setenv("TASKFLOW_DATABASE_URL", "postgresql://own/db")
    app = Taskflow.from_env()
    assert app.dsn == "postgresql://own/db"
    assert app.origins["database_url"] == "environment TASKFLOW_DATABASE_URL"


def test_pyproject(here: Path) -> None:
    (here / "pyproject.toml").write_text('[project]\nname = "x"\n')
    assert Taskflow().origins["tenant"] == "default"
    (here / "pyproject.toml").write_text('[tool.taskflow]\npoll-interval = "250ms"\n')
    app = Taskflow()
    assert app.settings.poll_interval == timedelta(milliseconds=250)
    assert app.origins["poll_interval"] == "file pyproject.toml"


def test_own_file_before_pyproject(here: Path) -> None:
    (here / "pyproject.toml").write_text('[tool.taskflow]\ntenant = "pyproject"\nslots = 3\n')
    (here / "taskflow.toml").write_text('tenant = "own"\n')
    app = Taskflow()
    assert (app.settings.tenant, app.settings.slots) == ("own", 100)


def test_none_is_not_given(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASKFLOW_SLOTS", "")
    assert Taskflow(tenant=None, slots=None).settings.tenant == "default"


def test_reconfigure_lays_options_over(here: Path) -> None:
    app = Taskflow("postgresql://a/b", slots=5)
    app.reconfigure(slots=9, tenant=None)
    assert (app.settings.slots, app.settings.database_url) == (9, "postgresql://a/b")
    assert app.origins["slots"] == "argument"
    assert app.origins["tenant"] == "default"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"slots": 0}, "slots is 0, the least is 1"),
        ({"slots": "many"}, "slots from argument is 'many'"),
        ({"lease": "1ms"}, "100 ms to 10 min"),
        ({"lease": "1h"}, "100 ms to 10 min"),
        ({"lease": "soon"}, "lease from argument is 'soon'"),
        ({"poll_interval": 0}, "more than 0"),
        ({"pooled": "perhaps"}, "pooled from argument is 'perhaps'"),
        ({"tenant": "A B"}, "tenant"),
        ({"pool_size": -1}, "pool_size"),
        ({"log_level": "loud"}, "log_level"),
    ],
    ids=str,
)
def test_values_that_cannot_be(here: Path, given: dict[str, Any], said: str) -> None:
    with pytest.raises(TaskflowError) as refused:
        Taskflow(**given)
    assert said in str(refused.value)


def test_an_error_is_one_sentence_with_one_code(here: Path) -> None:
    with pytest.raises(ConfigurationError) as refused:
        Taskflow(grace="abc")
    assert refused.value.message == (
        "grace from argument is 'abc', expected a duration of at most ten years, such as 30s"
    )
    with pytest.raises(ConfigurationError, match="pooled from argument is 'perhaps', expected yes"):
        Taskflow(pooled="perhaps")
    with pytest.raises(ConfigurationError, match="grace from argument is '-5m', expected"):
        Taskflow(grace="-5m")


@pytest.mark.parametrize("name", ["database_url", "listen_url"])
def test_an_address_of_something_else(here: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{name} from argument is no address") as refused:
        Taskflow(**{name: "mysql://u:hunter2@h/db"})
    assert "mysql://" in refused.value.message
    assert "hunter2" not in str(refused.value)
    for good in ("postgres://h/d", "postgresql://h/d", "host=h dbname=d", " service = x"):
        Taskflow(**{name: good})


def test_variables_that_are_no_settings_are_told_with_the_nearest(here: Path) -> None:
    """Not refused: an application may have variables of its own that begin like ours."""
    given = dict.fromkeys(
        ["TASKFLOW_SLOT", "TASKFLOW_ZEBRA", "TASKFLOW_SLOTS", "TASKFLOW_PG_BIN", "DATABASE_URL",
         "TASKFLOW_TEST_DATABASE_URL", "TASKFLOW_CHAOS_SECONDS", "TASKFLOW_BENCH_X", "SLOT",
         "TASKFLOW_IN_FLEET", "_TASKFLOW_COMPLETE", "TASKFLOW_PG_BINS"], "1",
    )  # fmt: skip
    assert settings.strangers(given) == {
        "TASKFLOW_PG_BINS": None,
        "TASKFLOW_SLOT": "TASKFLOW_SLOTS",
        "TASKFLOW_ZEBRA": None,
    }


def test_names_that_do_not_exist(here: Path) -> None:
    with pytest.raises(UnknownOption, match='Did you mean "pool_size"'):
        Taskflow(poolsize=5)
    (here / "taskflow.toml").write_text("leese = 5\n")
    with pytest.raises(UnknownOption, match='Did you mean "lease"'):
        Taskflow()


def test_a_file_that_is_no_toml(here: Path) -> None:
    (here / "taskflow.toml").write_text("tenant = \n")
    with pytest.raises(ConfigurationError, match=r"taskflow\.toml cannot be read"):
        Taskflow()


def test_an_environment_value_is_named_in_the_error(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TASKFLOW_LEASE", "x")
    with pytest.raises(ConfigurationError, match="lease from environment TASKFLOW_LEASE is 'x'"):
        Taskflow()


def test_every_setting_says_what_it_means() -> None:
    assert all(settings.meanings().values())
    assert settings.meanings().keys() == set(settings.Settings.__struct_fields__)
