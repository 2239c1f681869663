"""The plans that Postgres really used inside our functions, through auto_explain.

EXPLAIN of a copied statement would test the copy; auto_explain shows each nested statement as it
was planned there, with the function's own settings and cached plans.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg


@dataclass(frozen=True, slots=True)
class Plan:
    """One executed statement and the nodes of its plan, outermost first."""

    query: str
    nodes: tuple[dict[str, Any], ...]

    def of(self, relation: str) -> list[tuple[str, str]]:
        """(node type, index) of every scan of a table, partitions by their own names."""
        return [
            (str(node["Node Type"]), str(node.get("Index Name", "")))
            for node in self.nodes
            if str(node.get("Relation Name", "")).startswith(relation)
            and node["Node Type"] != "ModifyTable"
        ]

    def kinds(self) -> set[str]:
        return {str(node["Node Type"]) for node in self.nodes}

    def __str__(self) -> str:
        return f"{self.query}\n{json.dumps(self.nodes, indent=1)}"


class Planner:
    """A session that keeps the plans of everything it runs."""

    def __init__(self, connection: psycopg.Connection[Any], mode: str = "auto") -> None:
        self.connection = connection
        self._texts: list[str] = []
        connection.add_notice_handler(
            lambda notice: self._texts.append(str(notice.message_primary))
        )
        connection.execute("load 'auto_explain'")
        settings = {
            "auto_explain.log_min_duration": "0",
            "auto_explain.log_nested_statements": "on",
            "auto_explain.log_format": "json",
            "auto_explain.log_verbose": "off",
            "client_min_messages": "log",
            "plan_cache_mode": mode,
        }
        for name, value in settings.items():
            connection.execute("select set_config(%s, %s, false)", (name, value))

    def plans(self, statement: str, *parameters: Any) -> list[Plan]:
        """Run it, often enough for a generic plan to be considered, and return the last plans."""
        found: list[Plan] = []
        for _ in range(7):
            self._texts.clear()
            with self.connection.transaction(force_rollback=True):
                self.connection.execute(statement, parameters)
            found = [_parse(text) for text in self._texts if '"Query Text"' in text]
        return found


def _parse(text: str) -> Plan:
    document = json.loads(text[text.index("{") :])
    return Plan(" ".join(document["Query Text"].split()), tuple(_walk(document["Plan"])))


def _walk(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield {key: value for key, value in node.items() if key != "Plans"}
    for child in node.get("Plans", []):
        yield from _walk(child)
