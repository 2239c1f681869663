"""One verb on jobs: named ones at once, those of a filter after a look at how many they are.

Nothing is locked between the look and the act. Jobs that were enqueued in between are left alone,
and those that meanwhile moved on are counted as refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import rich_click as click

from taskflow.calls import bulk
from taskflow.calls.bulk import Verb
from taskflow.cli import exits, shapes
from taskflow.cli.invocation import Invocation
from taskflow.cli.options import describe
from taskflow.cli.progress import Progress
from taskflow.errors import CODES, JobStateConflict, TaskflowError
from taskflow.kernel.access import NotAllowed, NotAuthenticated, RateLimited
from taskflow.kernel.listing import JobFilter
from taskflow.kernel.request_errors import InternalError, RouteNotFound, TooSlow

CHUNK = 100
"""Jobs per statement: their rows are locked until its end, and a worker may want to settle one."""

PAGE = 5_000
TYPED_OVER = 1_000
PAST = {"cancel": "cancelled", "retry": "retried", "discard": "discarded", "requeue": "requeued"}
SHOWN_REFUSALS = 10
OF_THE_CALLER = (NotAuthenticated, NotAllowed, RateLimited, RouteNotFound, TooSlow, InternalError)
"""Errors that the next job would meet just as well."""


class Act(NamedTuple):
    """A verb, and what the command calls it."""

    verb: Verb
    called: str


class Consent(NamedTuple):
    """What the caller said about being asked."""

    yes: bool
    dry_run: bool
    all: bool


class Refused(NamedTuple):
    id: int
    code: str
    message: str
    hint: str


class Outcome(NamedTuple):
    done: list[tuple[int, str]]
    refused: list[Refused]


def act_on_ids(
    invocation: Invocation, act: Act, ids: Sequence[int], reason: str | None, dry_run: bool
) -> None:
    """The verb on named jobs. Exits with the code of the first refusal."""
    ids = list(dict.fromkeys(ids))
    if dry_run:
        said = f"Would {act.called} the {shapes.plural(len(ids), 'job')} named."
        preview(invocation, said, act.called, len(ids), "the jobs named")
        return
    outcome = _act(invocation, act, ids, reason)
    _report(invocation, act, outcome)
    if outcome.refused:
        raise exits.Stop(exits.exit_code(CODES.get(outcome.refused[0].code, TaskflowError)("")))


def act_on_filter(
    invocation: Invocation, act: Act, wanted: JobFilter, reason: str | None, consent: Consent
) -> None:
    """The verb on all jobs of a filter, after a preview and, unless told otherwise, a question."""
    from taskflow.store import filters

    count, last = invocation.run(filters.count(wanted))
    which = describe(wanted)
    what = f"{act.called} {shapes.plural(count, 'job')} matching {which}"
    nothing = f"No jobs matching {which}; nothing to {act.called}."
    if consent.dry_run:
        preview(invocation, f"Would {what}." if count else nothing, act.called, count, which)
        return
    if not count:
        _report(invocation, act, Outcome([], []), nothing)
        return
    confirm(invocation, what, count, consent)
    outcome = Outcome([], [])
    with Progress(invocation, act.called, count) as progress:
        for ids in _pages(invocation, wanted, last):
            for start in range(0, len(ids), CHUNK):
                part = _act(invocation, act, ids[start : start + CHUNK], reason)
                outcome.done.extend(part.done)
                outcome.refused.extend(part.refused)
                progress.advance(len(part.done) + len(part.refused))
    _report(invocation, act, outcome)


def preview(invocation: Invocation, said: str, verb: str, count: int, which: str) -> None:
    answer = {"dry_run": True, "verb": verb, "jobs": count, "matching": which}
    invocation.answer(answer, lambda: said)


def confirm(invocation: Invocation, what: str, count: int, consent: Consent) -> None:
    """Returns if the caller agrees; many jobs are agreed to by typing their number."""
    if consent.yes:
        return
    if not invocation.may_ask:
        raise click.UsageError(f"This would {what}. Add --yes to do it, or --dry-run to only look.")
    invocation.talk(f"This would {what}.")
    if count > TYPED_OVER:
        typed = click.prompt("Type the number of jobs to go on", default="", show_default=False,
                             err=True)  # fmt: skip
        agreed = typed.replace(",", "").strip() == str(count)
    else:
        agreed = click.confirm("Go on?", default=False, err=True)
    if not agreed:
        invocation.talk("Nothing was changed.")
        raise exits.Stop(exits.FAILED)


def _pages(invocation: Invocation, wanted: JobFilter, last: int) -> Iterator[list[int]]:
    from taskflow.store import filters

    after = 0
    while ids := invocation.run(filters.ids(wanted, PAGE, after, last)):
        yield ids
        after = ids[-1]


def _act(invocation: Invocation, act: Act, ids: Sequence[int], reason: str | None) -> Outcome:
    """The verb on a handful of jobs; one by one through the API, and if one cannot be served."""
    if invocation.is_remote and len(ids) > 1:
        return _one_by_one(invocation, act, ids, reason)
    try:
        said = invocation.run(bulk.each(act.verb, ids, invocation.tenant, reason))
    except Exception as error:
        if not _concerns_one_job(error):
            raise
        if len(ids) == 1:
            return Outcome([], [_refusal(ids[0], error)])
        return _one_by_one(invocation, act, ids, reason)
    done = [(id, word or PAST[act.called]) for id, word in zip(ids, said, strict=True)]
    late = [id for id, word in done if word == "finished"]
    return Outcome(
        [item for item in done if item[1] != "finished"],
        [Refused(id, JobStateConflict.code, f"job {id} has finished", "") for id in late],
    )


def _one_by_one(
    invocation: Invocation, act: Act, ids: Sequence[int], reason: str | None
) -> Outcome:
    parts = [_act(invocation, act, [id], reason) for id in ids]
    return Outcome(
        [item for part in parts for item in part.done],
        [item for part in parts for item in part.refused],
    )


def _concerns_one_job(error: Exception) -> bool:
    """Is it about one of the jobs (or a deadlock over it), and not about the database, the caller
    or the API?"""
    if isinstance(error, TaskflowError):
        return error.code.startswith("TF1") and not isinstance(error, OF_THE_CALLER)
    return getattr(error, "sqlstate", None) in ("40P01", "40001", "55P03")


def _refusal(id: int, error: Exception) -> Refused:
    if isinstance(error, TaskflowError):
        return Refused(id, error.code, error.message, error.hint)
    return Refused(id, JobStateConflict.code, f"job {id} is busy: {error}", "Try again.")


def _report(invocation: Invocation, act: Act, outcome: Outcome, nothing: str = "") -> None:
    counts: dict[str, int] = {}
    for _, word in outcome.done:
        counts[word] = counts.get(word, 0) + 1
    if invocation.is_json:
        answer: dict[str, Any] = {"verb": act.called, "done": len(outcome.done)}
        answer["outcomes"] = counts
        answer["refused"] = [refused._asdict() for refused in outcome.refused]
        invocation.emit(answer)
        return
    if nothing:
        invocation.show(nothing)
    words = {"requested": "asked to stop"}
    for word, count in counts.items():
        invocation.show(f"{shapes.plural(count, 'job')} {words.get(word, word)}.")
    for refused in outcome.refused[:SHOWN_REFUSALS]:
        hint = f". {refused.hint}" if refused.hint else ""
        invocation.talk(f"{refused.code} {refused.message}{hint}")
    if len(outcome.refused) > SHOWN_REFUSALS:
        invocation.talk(f"... and {len(outcome.refused) - SHOWN_REFUSALS:,} more were refused.")
