"""The testing kit: fixtures in `plugin`, and what they and `perform` are made of.

Names are imported when they are used: pytest loads the plugin in every run of every project that
has taskflow installed, whether it tests with it or not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from taskflow.store.template import database_for_tests
    from taskflow.testing.alone import aperform, perform
    from taskflow.testing.clock import Clock
    from taskflow.testing.drain import Ran
    from taskflow.testing.kit import Kit

__all__ = ["Clock", "Kit", "Ran", "aperform", "database_for_tests", "perform"]

_HOMES = {
    "Clock": "taskflow.testing.clock",
    "Kit": "taskflow.testing.kit",
    "Ran": "taskflow.testing.drain",
    "aperform": "taskflow.testing.alone",
    "database_for_tests": "taskflow.store.template",
    "perform": "taskflow.testing.alone",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
