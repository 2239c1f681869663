"""Random graphs run to their end in random orders, and end as a small model says."""

from __future__ import annotations

from random import Random
from typing import Any

import msgspec
import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support import factories as f
from tests.support import flows
from tests.support.flows import Failed

Connection = psycopg.Connection[Any]


class Planned(msgspec.Struct, frozen=True):
    """A node and what is to become of it."""

    name: str
    needs: tuple[str, ...]
    kind: str
    goes: bool
    """Whether its condition is true."""
    fails: bool
    policy: str


@st.composite
def plans(draw: st.DrawFn) -> list[Planned]:
    made: list[Planned] = []
    for number in range(draw(st.integers(1, 9))):
        earlier = [planned.name for planned in made]
        needs = draw(st.lists(st.sampled_from(earlier), unique=True, max_size=4)) if earlier else []
        made.append(
            Planned(
                f"n{number}",
                tuple(needs),
                draw(st.sampled_from(["task", "task", "task", "map", "delay", "workflow"])),
                draw(st.sampled_from([True, True, True, False])),
                draw(st.sampled_from([True, False, False])),
                draw(st.sampled_from(["continue", "continue", "fail"])),
            )
        )
    return made


def nodes_of(plan: list[Planned]) -> dict[str, Any]:
    shapes: dict[str, dict[str, Any]] = {
        "task": {"task": "t"},
        "map": {"task": "t", "for_each": "$.input.items", "max_parallel": 2},
        "delay": {"delay": 0},
        "workflow": {"workflow": "inner"},
    }
    made: dict[str, Any] = {}
    for planned in plan:
        node = {**shapes[planned.kind], "on_failure": planned.policy, "needs": [*planned.needs]}
        node["when"] = f"$.input.goes.{planned.name} == true"
        if planned.kind in ("task", "map"):
            node["args"] = {"fails": planned.fails, "name": planned.name}
        if planned.kind == "workflow":
            node["input"] = {"fails": planned.fails, "name": planned.name}
        made[planned.name] = node
    return made


def expected(plan: list[Planned]) -> dict[str, str]:
    """The end of every node that comes to its turn."""
    states: dict[str, str] = {}
    for planned in plan:
        before = [states[name] for name in planned.needs]
        if (before and set(before) == {"skipped"}) or not planned.goes:
            states[planned.name] = "skipped"
        elif planned.kind == "delay" or not planned.fails:
            states[planned.name] = "succeeded"
        else:
            states[planned.name] = "failed"
    return states


def finish(db: Connection, run: int, chance: Random, *, mended: bool, cancels: bool) -> None:
    """Runs jobs a few at a time; `mended`, only those whose failure is lived with still fail."""
    worker = f.join(db)
    held: list[Any] = []
    while True:
        held += f.claim(db, worker, chance.randint(1, 4))
        if not held:
            return
        chance.shuffle(held)
        taken = [held.pop() for _ in range(chance.randint(1, len(held)))]

        def ends(job: Any) -> Any:
            return Failed() if job.args["fails"] and not mended else None

        flows.settle(db, taken, ends)
        flows.check_run(db, run)
        if cancels and chance.random() < 0.1:
            f.call(db, "cancel_run", id=run)
            flows.check_run(db, run)


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(plan=plans(), seed=st.integers(0, 2**32), cancels=st.booleans())
def test_w3_a_run_is_at_each_step_what_its_steps_and_jobs_make_it(
    db: Connection, plan: list[Planned], seed: int, cancels: bool
) -> None:
    chance = Random(seed)
    db.execute("delete from taskflow.job")  # of an example that failed
    inner = {"x": {"task": "t", "args": {"fails": {"$path": "$.input.fails"}}}}
    flows.save(db, "inner", inner)
    goes = {planned.name: planned.goes for planned in plan}
    run = flows.launch(db, nodes_of(plan), data={"goes": goes, "items": [1, 2, 3]})
    flows.check_run(db, run)
    finish(db, run, chance, mended=False, cancels=cancels)

    ends = expected(plan)
    states = {name: state for name, state in flows.states(db, run).items() if "[" not in name}
    for name, state in states.items():
        assert state in (ends[name], "cancelled"), (name, state, ends)
    state = flows.check_run(db, run)
    stopping = [p for p in plan if states[p.name] == "failed" and p.policy == "fail"]
    if state == "succeeded":
        assert states == ends
        assert not stopping
        return
    assert stopping if state == "failed" else cancels

    f.call(db, "retry_run", id=run)
    flows.check_run(db, run)
    finish(db, run, chance, mended=True, cancels=False)
    assert flows.check_run(db, run) == "succeeded"
    for name, after in flows.states(db, run).items():
        if "[" not in name:
            was = states[name]
            assert after in (
                (was,) if was in ("succeeded", "skipped") else ("succeeded", "skipped", "failed")
            )
