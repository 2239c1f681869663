"""Checks of what this process was told."""

from __future__ import annotations

from taskflow import settings
from taskflow.kernel.phrases import plural
from taskflow.observe.checks.verdict import Sight, Verdict, ok, warn


def environment(sight: Sight) -> Verdict:
    """Variables that look like settings and are none: what was meant is not in force."""
    found = settings.strangers()
    if found:
        fix = "  ".join(
            f"Did you mean {close}?" if close else f"Unset {name}, or see taskflow config show."
            for name, close in found.items()
        )
        verb = "is no setting" if len(found) == 1 else "are no settings"
        return warn("environment", f"{', '.join(found)} {verb} and changes nothing", fix)
    origins = sight.app.origins.values()
    given = sum(origin.startswith("environment") for origin in origins)
    return ok("environment", f"{plural(given, 'setting')} from it, all known")
