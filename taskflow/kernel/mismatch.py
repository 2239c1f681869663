"""Why a value does not fit its annotation, in one sentence with the full path.

The trick: msgspec already knows what was expected and where; its text is taken apart, the path is
followed into the value that was given, and that value is shown, cut short.
"""

from __future__ import annotations

import re
import reprlib
from collections.abc import Mapping
from typing import Any

import msgspec

_PLACE = re.compile(r" - at (?P<key>`key` in )?`\$(?P<path>[^`]*)`$")
_EXPECTED = re.compile(r"^Expected `(?P<kind>.+?)`(?P<bound>.*?)(?:, got `(?P<got>[^`]+)`)?$")
_FIELD = re.compile(r"^Object (?P<what>missing required|contains unknown) field `(?P<name>.*)`$")
_STEP = re.compile(r"\.(?P<name>[^.\[]+)|\[(?P<index>\d+)\]|\[\.\.\.\]")
_MISSING = object()

_short = reprlib.Repr()
_short.maxstring = _short.maxother = _short.maxlong = 60


def explain_mismatch(name: str, hint: Any, value: Any, error: Exception) -> tuple[str, str]:
    """(path, sentence) for an argument that msgspec refused with `error`."""
    said = str(error)
    place = _PLACE.search(said)
    steps = place["path"] if place else ""
    said = _PLACE.sub("", said)
    found = _follow(value, steps)
    if place and place["key"]:
        steps, found = f"{steps}[key]", _MISSING
    return f"{name}{steps}", _sentence(said, hint if not steps else None, found)


def _sentence(said: str, hint: Any, found: Any) -> str:
    if match := _FIELD.match(said):
        what = "missing" if match["what"].startswith("missing") else "unknown"
        return f'{what} field "{match["name"]}"'
    if said.startswith("Invalid enum value") and (choices := _choices(hint)):
        said = f"Expected `{choices}`"
    if match := _EXPECTED.match(said):
        got = show(found) if found is not _MISSING else match["got"]
        return f"expected {match['kind']}{match['bound']}" + (f", got {got}" if got else "")
    said = said.replace("`", "")
    return said[:1].lower() + said[1:] if said[:2].istitle() else said


def show(value: Any) -> str:
    """Type and short form of a value, as in `str '42'`; never raises."""
    if value is None:
        return "None"
    try:
        text = _short.repr(value)
    except Exception:  # noqa: BLE001 - a __repr__ of the user's may raise anything
        text = ""
    name = type(value).__qualname__
    return text if f"{name}(" in text[:60] else f"{name} {text}".rstrip()


def _follow(value: Any, steps: str) -> Any:
    """The value at msgspec's path, which names struct fields and positions but not dict keys."""
    for step in _STEP.finditer(steps):
        try:
            if step["index"] is not None:
                value = value[int(step["index"])]
            elif step["name"] is None:
                return _MISSING
            elif isinstance(value, Mapping):
                value = value[step["name"]]
            else:
                value = getattr(value, step["name"])
        except (LookupError, TypeError, AttributeError):
            return _MISSING
    return value


def _choices(hint: Any) -> str:
    try:
        info = msgspec.inspect.type_info(hint)
    except TypeError:
        return ""
    if isinstance(info, msgspec.inspect.LiteralType):
        return "one of " + ", ".join(map(repr, info.values))
    if isinstance(info, msgspec.inspect.EnumType):
        return "one of " + ", ".join(repr(member.value) for member in info.cls)
    return ""
