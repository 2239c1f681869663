"""Definitions of workflows: what is kept, and what is refused, with the place of the fault."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.support import factories as f
from tests.support import flows

Connection = psycopg.Connection[Any]


def task(*needs: Any, **more: Any) -> dict[str, Any]:
    return {"task": "t", **({"needs": list(needs)} if needs else {}), **more}


def path(text: str) -> dict[str, str]:
    return {"$path": text}


def test_a_definition_that_did_not_change_makes_no_new_version(db: Connection) -> None:
    nodes = {"a": task(), "b": task("a", args={"x": 1, "y": 2})}
    assert flows.save(db, "w", nodes) == 1
    assert flows.save(db, "w", {"b": task("a", args={"y": 2, "x": 1}), "a": task()}) == 1
    assert flows.save(db, "w", {"a": task()}) == 2
    assert flows.save(db, "w", nodes) == 3, "going back is a change, too"
    assert f.value(db, "select count(*) from taskflow.workflow") == 3
    assert f.call_rows(db, "get_workflow", name="w", version=2)[0].definition == {
        "nodes": {"a": task()}
    }
    assert f.call_rows(db, "get_workflow", name="w")[0].version == 3


def test_a_run_keeps_the_version_that_it_began_with(db: Connection) -> None:
    flows.save(db, "w", {"a": task(), "b": task("a")})
    run = flows.start(db, "w")
    flows.save(db, "w", {"only": task()})
    flows.work(db)
    assert flows.states(db, run) == {"a": "succeeded", "b": "succeeded"}
    assert set(flows.states(db, flows.start(db, "w"))) == {"only"}
    assert set(flows.states(db, flows.start(db, "w", version=1))) == {"a", "b"}


CYCLE = {"a": task("b"), "b": task("c"), "c": task("a"), "z": task("a")}
DEEP: dict[str, Any] = {"v": 1}
for _ in range(70):
    DEEP = {"d": DEEP}

BAD: list[tuple[str, Any, str, str]] = [
    ("no object", 5, "definition", "must be a JSON object"),
    ("null", None, "definition", "must be a JSON object"),
    ("no nodes", {}, "nodes", "must be an object of nodes"),
    ("nodes a list", {"nodes": []}, "nodes", "must be an object of nodes"),
    ("empty", {"nodes": {}}, "nodes", "1 to 10000"),
    ("unknown field", {"nodes": {"a": task()}, "edges": []}, "edges", "not known"),
    ("deep", {"nodes": {"a": task(args=DEEP)}}, "definition", "64 levels"),
    ("name", {"nodes": {"a b": task()}}, "nodes.a b", "no name for a node"),
    ("node no object", {"nodes": {"a": "t"}}, "nodes.a", "must be an object"),
    ("no kind", {"nodes": {"a": {"args": {}}}}, "nodes.a", "says nothing to do"),
    ("two kinds", {"nodes": {"a": task(signal="s")}}, "nodes.a", "more than one thing"),
    ("field", {"nodes": {"a": task(arg={})}}, "nodes.a.arg", "not known in a task node"),
    ("field of another", {"nodes": {"a": {"delay": "1s", "args": {}}}}, "nodes.a.args", "delay"),
    ("type", {"nodes": {"a": task(args=[])}}, "nodes.a.args", "must be a object, got array"),
    ("task name", {"nodes": {"a": {"task": "a b"}}}, "nodes.a.task", "no name of a task"),
    ("signal name", {"nodes": {"a": {"signal": ""}}}, "nodes.a.signal", "no name"),
    ("delay", {"nodes": {"a": {"delay": "soon"}}}, "nodes.a.delay", "no duration"),
    ("negative", {"nodes": {"a": {"delay": -1}}}, "nodes.a.delay", "no duration"),
    ("timeout", {"nodes": {"a": {"signal": "s", "timeout": "11 years"}}}, "nodes.a.timeout", "no"),
    ("policy", {"nodes": {"a": task(on_failure="stop")}}, "nodes.a.on_failure", "continue"),
    ("needs type", {"nodes": {"a": task("b"), "b": task(5)}}, "nodes.b.needs[0]", "must be the"),
    ("needs field", {"nodes": {"a": task({"node": "b", "x": 1}), "b": task()}},
     "nodes.a.needs[0]", "must be the name"),
    ("unknown node", {"nodes": {"fetch": task(), "b": task("ftech")}}, "nodes.b.needs[0]",
     'no node "ftech"'),
    ("self", {"nodes": {"a": task("a")}}, "nodes.a.needs[0]", "needs itself"),
    ("twice", {"nodes": {"a": task(), "b": task("a", {"node": "a"})}}, "nodes.b.needs[0]", "twice"),
    ("edge policy", {"nodes": {"a": task(), "b": task({"node": "a", "on_failure": "x"})}},
     "nodes.b.needs[0]", "on_failure is 'x'"),
    ("cycle", {"nodes": CYCLE}, "nodes.a.needs", "a -> b -> c -> a"),
    ("when syntax", {"nodes": {"a": task(when="$.input >")}}, "nodes.a.when", "no SQL/JSON path"),
    ("when root", {"nodes": {"a": task(when="$.x > 1")}}, "nodes.a.when", "must start from"),
    ("when variable", {"nodes": {"a": task(when="$x > 1")}}, "nodes.a.when", "must start from"),
    ("when whole", {"nodes": {"a": task(when="exists($)")}}, "nodes.a.when", "must start from"),
    ("when all steps", {"nodes": {"a": task(), "b": task("a", when="exists($.steps.*)")}},
     "nodes.b.when", "must start from"),
    ("never", {"nodes": {"a": task(when="1 == 2")}}, "nodes.a.when", "can never be reached"),
    ("for_each syntax", {"nodes": {"a": task(for_each="[")}}, "nodes.a.for_each", "no SQL/JSON"),
    ("reads unknown", {"nodes": {"a": task(args={"x": [path("$.steps.b.result")]})}},
     "nodes.a.args.x.0", "no such node"),
    ("reads later", {"nodes": {"a": task(args={"x": path("$.steps.b.result")}), "b": task("a")}},
     "nodes.a.args.x", "does not wait for"),
    ("reads sibling", {"nodes": {"r": task(), "a": task("r"), "b": task(
        "r", when="$.steps.a.result > 1")}}, "nodes.b.when", "does not wait for"),
    ("reads itself", {"nodes": {"a": task(args={"x": path("$.steps.a.result")})}},
     "nodes.a.args.x", "does not wait for"),
    ("path and more", {"nodes": {"a": task(args={"x": {"$path": "$.input", "y": 1}})}},
     "nodes.a.args.x", "fields beside"),
    ("path no text", {"nodes": {"a": task(args={"x": {"$path": 5}})}}, "nodes.a.args.x", "texts"),
    ("item outside", {"nodes": {"a": task(args={"x": path("$.item")})}}, "nodes.a.args.x",
     "only arguments of a for_each node"),
    ("item in when", {"nodes": {"a": task(for_each="$.input.x", when="$.item > 1")}},
     "nodes.a.when", "only arguments"),
    ("parallel alone", {"nodes": {"a": task(max_parallel=2)}}, "nodes.a.max_parallel", "for_each"),
    ("parallel zero", {"nodes": {"a": task(for_each="$.input.x", max_parallel=0)}},
     "nodes.a.max_parallel", "whole number"),
    ("for_each signal", {"nodes": {"a": {"signal": "s", "for_each": "$.input.x"}}},
     "nodes.a.for_each", "not known in a signal"),
    ("option", {"nodes": {"a": task(options={"unique_key": "k"})}}, "nodes.a.options",
     '"unique_key" is not known'),
    ("queue", {"nodes": {"a": task(options={"queue": "A B"})}}, "nodes.a.options", "queue name"),
    ("attempts", {"nodes": {"a": task(options={"max_attempts": "x"})}}, "nodes.a.options", "x"),
    ("option time", {"nodes": {"a": task(options={"delay": "soon"})}}, "nodes.a.options", "durat"),
    ("compensate", {"nodes": {"a": task(compensate={"args": {}})}}, "nodes.a.compensate", "task"),
    ("compensate path", {"nodes": {"a": task(), "b": task(compensate={
        "task": "u", "args": {"x": path("$.steps.a.result")}})}}, "nodes.b.compensate.args.x",
     "does not wait for"),
    ("workflow", {"nodes": {"a": {"workflow": "none"}}}, "nodes.a.workflow", "no workflow"),
    ("version", {"nodes": {"a": {"workflow": "there", "version": 9}}}, "nodes.a.workflow",
     "with version 9"),
    ("output", {"nodes": {"a": task()}, "output": "$.steps.b.result"}, "output", "no such node"),
    ("output syntax", {"nodes": {"a": task()}, "output": {"x": path("?")}}, "output.x", "no SQL"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("definition", "place", "said"), [case[1:] for case in BAD], ids=[case[0] for case in BAD]
)
def test_a_bad_definition_is_refused_with_the_place(
    db: Connection, definition: Any, place: str, said: str
) -> None:
    flows.save(db, "there", {"a": task()})
    with pytest.raises(psycopg.Error) as error:
        f.call(db, "save_workflow", name="w", definition=Jsonb(definition))
    assert error.value.sqlstate == "TF160"
    found = str(error.value.diag.message_primary)
    assert found.startswith(f"{place}: "), found
    assert said in found


def test_a_definition_without_a_name_is_checked_as_well(db: Connection) -> None:
    with pytest.raises(psycopg.Error, match=r"nodes\.a\.needs: .* a -> b -> c -> a"):
        flows.launch(db, CYCLE)
    assert f.value(db, "select count(*) from taskflow.workflow") == 0


def test_sizes_are_bounded(db: Connection) -> None:
    many = {f"n{i}": task() for i in range(10_001)}
    with pytest.raises(psycopg.Error, match="nodes: holds 10001 nodes"):
        flows.save(db, "w", many)
    left = [f"l{i}" for i in range(250)]
    dense = {name: task() for name in left} | {f"r{i}": task(*left) for i in range(201)}
    with pytest.raises(psycopg.Error, match="nodes: hold 50250 edges"):
        flows.save(db, "w", dense)
    with pytest.raises(psycopg.Error, match=r"nodes\.a\.args: arguments take"):
        flows.save(db, "w", {"a": task(args={"x": "y" * 1_100_000})})
    with pytest.raises(psycopg.Error, match="workflow name"):
        flows.save(db, "no name!", {"a": task()})


def test_workflows_in_workflows_are_bounded_and_never_come_back(db: Connection) -> None:
    flows.save(db, "w0", {"a": task()})
    for depth in range(1, 9):
        flows.save(db, f"w{depth}", {"a": {"workflow": f"w{depth - 1}"}})
    with pytest.raises(psycopg.Error, match="more than 8 deep: w9 -> w8 -> "):
        flows.save(db, "w9", {"a": {"workflow": "w8"}})
    with pytest.raises(psycopg.Error, match="would run itself: w0 -> w2 -> w1 -> w0"):
        flows.save(db, "w0", {"a": {"workflow": "w2"}})
    with pytest.raises(psycopg.Error, match="would run itself: w0 -> w0"):
        flows.save(db, "w0", {"a": {"workflow": "w0"}})


def test_paths_are_read_as_postgres_reads_them(db: Connection) -> None:
    """A $ in a text or in a key is none of ours."""
    nodes = {
        "a": task(),
        "b-1": task("a", when='$.steps."a".result.price starts with "$"'),
        "c": task("b-1", args={
            "x": path('$.steps."b-1".result."a$b"'), "y": path('$.input ? (@.k == "$.steps.z")'),
            "z": {"$value": path("not a path")}, "all": {"$all": "$.steps.a.result[*]"},
        }),
    }  # fmt: skip
    assert flows.save(db, "w", nodes) == 1
    reads = f.rows(
        db,
        "select n.name, array(select o.name from unnest(n.reads || n.early_reads) u (no)"
        " join taskflow.workflow_node o on o.workflow_id = n.workflow_id and o.no = u.no"
        " order by 1) as reads, is_read from taskflow.workflow_node n order by n.no",
    )
    assert [tuple(row) for row in reads] == [
        ("a", [], True), ("b-1", ["a"], True), ("c", ["a", "b-1"], False),
    ]  # fmt: skip


def test_a_grandparent_may_be_read_and_nodes_may_stand_alone(db: Connection) -> None:
    nodes = {f"n{i}": task(f"n{i - 1}") if i else task() for i in range(300)}
    nodes["n299"]["args"] = {"first": path("$.steps.n0.result")}
    nodes["island"] = task()
    assert flows.save(db, "w", nodes) == 1
    nodes["n299"]["args"] = {"first": path("$.steps.island.result")}
    with pytest.raises(psycopg.Error, match=r"nodes\.n299\.args\.first: reads step \"island\""):
        flows.save(db, "w", nodes)


def test_two_savers_at_once_make_one_version_each_way(db: Connection, connect: Any) -> None:
    one, other = connect(autocommit=False), connect(autocommit=False)
    assert flows.save(one, "w", {"a": task()}) == 1
    one.commit()
    assert flows.save(other, "w", {"a": task()}) == 1
    assert flows.save(other, "w", {"b": task()}) == 2
    other.commit()
    assert f.value(db, "select count(*) from taskflow.workflow") == 2
