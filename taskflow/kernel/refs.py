"""Places in a run whose values are not known yet, and templates: JSON that holds such places.

The trick: msgspec turns whatever a caller passes into plain values and asks about what it does not
know, which are the places; they become objects under a key that no caller can have, so that a
caller's own "$path" is told from ours afterwards and kept as the text that it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

import msgspec

from taskflow.errors import InvalidOption
from taskflow.kernel import codec

MARK = "\0path"
"""No argument can have this key: NUL cannot be stored."""
RESERVED = frozenset({"$path", "$all", "$value"})
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


class Ref:
    """A place in a run: `node.out`, `flow.input`, and what lies below them.

    Stands where a value of its type would; a field or an item of it is a place too:
    `order.out.total`, `order.out["lines"][0]`.
    """

    __slots__ = ("_of", "_rest")

    def __init__(self, of: Callable[[], str], rest: str = "") -> None:
        self._of = of
        self._rest = rest

    def __getattr__(self, name: str) -> Ref:
        if name.startswith("_"):
            raise AttributeError(name)
        return self[name]

    def __getitem__(self, key: str | int) -> Ref:
        if isinstance(key, int) and not isinstance(key, bool):
            return Ref(self._of, f"{self._rest}[{key if key >= 0 else f'last - {-key - 1}'}]")
        return Ref(self._of, f"{self._rest}.{spell(str(key))}")

    def __str__(self) -> str:
        """The SQL/JSON path, for conditions: f"{order.out.total} > 100"."""
        return f"{self._of()}{self._rest}"

    def __repr__(self) -> str:
        return f"<Ref {self}>"

    def __iter__(self) -> Iterator[Any]:
        raise self._not_yet("iterated over", "Write flow.add(...).for_each(...) instead of a loop.")

    def __bool__(self) -> bool:
        raise self._not_yet("tested", 'Write a condition: .when(f"{...} == true").')

    def _not_yet(self, what: str, instead: str) -> InvalidOption:
        return InvalidOption(f"{self} has no value yet, so it cannot be {what}", instead)


def spell(name: str) -> str:
    """A name as an SQL/JSON path has it."""
    return name if _NAME.fullmatch(name) else json.dumps(name, ensure_ascii=False)


def holds_ref(value: object) -> bool:
    """Is there a place anywhere in this value?"""
    return next(refs_in(value), None) is not None


def refs_in(value: object) -> Iterator[Ref]:
    """The places in a value, in order."""
    found: list[Ref] = []
    _plain(value, found)
    return iter(found)


def template(value: object) -> Any:
    """Plain JSON in which each place is {"$path": "..."}.

    What a caller has under such a key himself is kept as {"$value": ...}.
    """
    return _restore(_plain(value, []))


def _plain(value: object, found: list[Ref]) -> Any:
    def hook(unknown: Any) -> Any:
        if isinstance(unknown, Ref):
            found.append(unknown)
            return {MARK: str(unknown)}
        return codec.enc_hook(unknown)

    return msgspec.to_builtins(value, builtin_types=(Decimal,), str_keys=True, enc_hook=hook)


def _restore(value: Any) -> Any:
    if isinstance(value, Mapping):
        if MARK in value:
            return {"$path": value[MARK]}
        restored = {name: _restore(member) for name, member in value.items()}
        if not RESERVED.isdisjoint(restored):
            if _has_path(value):
                raise InvalidOption(
                    "an object with a key $path, $all or $value cannot hold results of steps",
                    "Pass them as an argument of their own.",
                )
            return {"$value": value}
        return restored
    return [_restore(member) for member in value] if isinstance(value, list | tuple) else value


def _has_path(value: Any) -> bool:
    if isinstance(value, Mapping):
        return MARK in value or any(map(_has_path, value.values()))
    return isinstance(value, list | tuple) and any(map(_has_path, value))
