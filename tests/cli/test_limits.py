"""`taskflow limits`, and the ties that `enqueue` can give a job."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cli.conftest import Run
from tests.support import factories as f


def test_a_limit_is_set_listed_shown_and_deleted(cli: Run, db: Any) -> None:
    said = cli("limits", "set", "smtp", "-q", "email", "--key", "{domain}", "--rate", "14",
               "--per", "1s", "--concurrency", "2").ok()  # fmt: skip
    assert "Limit smtp: 2 at once; 14 per 1 s, for queue email." in said.out
    for _ in range(3):
        f.enqueue(db, queue="email", args={"domain": "a.test"})
    jobs = f.claim(db, f.join(db, "email"), 5, "email")
    assert len(jobs) == 2
    f.claim(db, f.join(db, "email"), 5, "email")
    (line,) = cli("limits", "list", "--json").ok().json
    assert (line["name"], line["keys"], line["in_use"]) == ("smtp", 1, 2)
    shown = cli("limits", "show", "smtp").ok().out
    assert "a.test" in shown
    assert "{domain}" in shown
    (key,) = cli("limits", "show", "smtp", "--json").ok().json["keys"]
    assert (key["in_use"], key["room"], key["cause"]) == (2, 0, "concurrency")
    assert key["held_by"] == [str(job.id) for job in jobs]
    cli("limits", "delete", "smtp").ok()
    assert cli("limits", "list", "--json").ok().json == []
    assert len(f.claim(db, f.join(db, "email"), 5, "email")) == 1


def test_no_limits_are_said_to_be_none(cli: Run) -> None:
    said = cli("limits", "list").ok()
    assert said.out.strip() == ""
    assert "No limits" in said.err


@pytest.mark.parametrize("verb", ["show", "delete"])
def test_an_unknown_limit_is_not_found_with_the_nearest_name(cli: Run, verb: str) -> None:
    cli("limits", "set", "smtp", "-q", "email", "--concurrency", "2").ok()
    said = cli("limits", verb, "smpt")
    assert said.code == 3
    assert 'Did you mean "smtp"?' in said.err


def test_a_limit_that_limits_nothing_says_what_to_give(cli: Run) -> None:
    said = cli("limits", "set", "smtp", "-q", "email")
    assert said.code == 2
    assert "TF111" in said.err
    assert "concurrency" in said.err


def test_enqueue_says_that_a_key_is_taken(cli: Run, db: Any) -> None:
    first = cli("enqueue", "t", '{"o": 1}', "--force", "--unique-by", "o", "--json").ok()
    again = cli("enqueue", "t", '{"o": 1}', "--force", "--unique-by", "o", "--json").ok()
    assert first.json["outcome"] == "enqueued"
    assert (again.json["id"], again.json["outcome"]) == (first.json["id"], "existing")
    assert "existing" in cli("enqueue", "t", '{"o": 1}', "--force", "--unique-by", "o").ok().err
    said = cli("enqueue", "t", '{"o": 1}', "--force", "--unique-by", "o", "--on-conflict", "raise")
    assert said.code == 5


def test_enqueue_after_another_job(cli: Run, db: Any) -> None:
    parent = cli("enqueue", "t", "--force").ok().out.strip()
    child = cli("enqueue", "t", "--force", "--after", parent).ok().out.strip()
    assert f.state(db, int(child)) == "blocked"
    assert f"Waits for a job: {parent} (available)." in cli("why", child).ok().out
