"""`taskflow workflow`, `taskflow batches`, and `why` for runs and steps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from psycopg.types.json import Jsonb

from tests.cli.conftest import Run
from tests.support import factories as f
from tests.support import flows

NODES = {
    "fetch": {"task": "etl.fetch"},
    "load": {"task": "etl.load", "needs": ["fetch"], "for_each": "$.input.parts"},
    "approve": {"signal": "approve", "timeout": "2 days", "needs": ["load"]},
}


@pytest.fixture
def run_id(db: Any) -> int:
    flows.save(db, "nightly", NODES, "$.steps.approve.result")
    return flows.start(db, "nightly", {"parts": [1, 2]}, key="monday")


def test_save_start_signal_and_wait(cli: Run, db: Any, tmp_path: Path) -> None:
    file = tmp_path / "w.json"
    file.write_text(json.dumps(flows.definition({"s": {"signal": "go"}}, "$.steps.s.result")))
    assert cli("workflow", "save", "w", f"@{file}").ok().out == "1\n"
    again = cli("workflow", "save", "w", "-", stdin=file.read_text()).ok()
    assert (again.out, "Unchanged" in again.err) == ("1\n", True)
    started = cli("workflow", "start", "w", '{"x": 1}', "--key", "k").ok()
    id = started.out.strip()
    taken = cli("workflow", "start", "w", "--key", "k", "--json").ok()
    assert taken.json == {"id": id, "outcome": "existing"}
    late = cli("workflow", "start", "w", "--key", "k", "--wait", "10ms")
    assert late.code == 6
    assert cli("workflow", "signal", id, "go", "[1]", "--json").ok().json["outcome"] == "taken"
    assert cli("workflow", "start", "w", "--key", "k", "--wait", "5s").ok().out == "[1]\n"
    assert cli("workflow", "signal", id, "go").code == 5


def test_list_and_show(cli: Run, db: Any, run_id: int) -> None:
    shown = cli("workflow", "list").ok().out
    assert "nightly v1" in shown
    assert "monday" in shown
    (line,) = cli("workflow", "list", "-w", "nightly", "--state", "running", "--json").ok().json
    assert (line["id"], line["total"]) == (str(run_id), 3)
    assert cli("workflow", "list", "--state", "failed", "--json").ok().json == []
    flows.work(db)
    found = cli("workflow", "show", str(run_id)).ok().out
    assert "load[1]" in found
    assert "gives up in" in found
    steps = cli("workflow", "show", str(run_id), "--json").ok().json["steps"]
    assert [step["state"] for step in steps] == ["succeeded"] * 4 + ["waiting"]
    assert cli("workflow", "show", "999999").code == 3
    assert "nightly" in cli("workflow", "definitions").ok().out
    assert json.loads(cli("workflow", "definitions", "nightly").ok().out)["nodes"] == NODES


def test_graph_as_text_and_as_svg(cli: Run, db: Any, run_id: int, tmp_path: Path) -> None:
    flows.work(db)
    text = cli("workflow", "graph", "nightly").ok().out
    assert text.index("fetch") < text.index("load") < text.index("approve")
    file = tmp_path / "run.svg"
    cli("workflow", "graph", str(run_id), "-o", str(file)).ok()
    root = ET.fromstring(file.read_text())
    states = {
        group.get("data-node"): group.get("data-state")
        for group in root.iter("{http://www.w3.org/2000/svg}g")
        if group.get("data-node")
    }
    assert states == {"fetch": "succeeded", "load": "succeeded", "approve": "waiting"}
    assert cli("workflow", "graph", "nightly", "--svg").ok().out.startswith("<svg ")
    assert cli("workflow", "graph", "none").code == 3
    edges = cli("workflow", "graph", "nightly", "--json").ok().json["edges"]
    assert edges[0] == {"parent": "fetch", "child": "load", "on_failure": "fail"}


def test_cancel_and_retry(cli: Run, db: Any, run_id: int) -> None:
    assert cli("workflow", "retry", str(run_id)).code == 5
    done = cli("workflow", "cancel", str(run_id), "--reason", "wrong day").ok()
    assert f"Run {run_id} is cancelled." in done.out
    assert flows.run(db, run_id).reason == "wrong day"
    assert cli("workflow", "cancel", str(run_id)).code == 5
    assert cli("workflow", "retry", str(run_id), "--json").ok().json["state"] == "running"
    assert cli("workflow", "cancel", "999999").code == 3


def test_why_answers_for_runs_and_steps(cli: Run, db: Any, run_id: int) -> None:
    assert "0 of 3 steps have ended" in cli("why", str(run_id)).ok().out
    assert "Step approve waits for load (pending)." in cli("why", str(run_id), "approve").ok().out
    assert cli("why", str(run_id), "none").code == 3
    (job,) = (step.job_id for step in flows.steps(db, run_id) if step.job_id)
    assert f"It is step fetch of run {run_id} of nightly" in cli("why", str(job)).ok().out


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("save", "w", '{"nodes": {"a": {"task": "t", "needs": ["b"]}}}'), 2, "nodes.a.needs[0]"),
        (("save", "w", "{"), 2, "the definition: "),
        (("save", "w", "[]"), 2, "expected a JSON object"),
        (("start", "none"), 3, 'no workflow "none"'),
        (("signal", "1", "go", "{"), 2, "the payload: "),
        (("list", "--state", "faild"), 2, 'Did you mean "failed"?'),
    ],
)
def test_mistakes(cli: Run, db: Any, arguments: tuple[str, ...], code: int, said: str) -> None:
    done = cli("workflow", *arguments)
    assert (done.code, said in done.err) == (code, True), done.err


def test_batches(cli: Run, db: Any) -> None:
    assert "No batches" in cli("batches", "list").ok().err
    id = f.call(db, "create_batch", name="import")
    f.call_rows(db, "add_to_batch", batch_id=id, task="t", args=Jsonb([{}, {}]))
    assert "import" in cli("batches", "list", "-s", "open").ok().out
    assert cli("batches", "show", str(id), "--json").ok().json["pending"] == 2
    assert "2 jobs cancelled, 0 asked to stop." in cli("batches", "cancel", str(id)).ok().out
    shown = cli("batches", "show", str(id)).ok().out
    assert "failed" in shown
    assert cli("batches", "show", "999999").code == 3
    assert cli("batches", "cancel", "999999").code == 3
