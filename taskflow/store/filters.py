"""Reads whose shape depends on a filter: pages, counts and ids of jobs.

Built with SQLAlchemy Core from a whitelist of columns; nothing that a caller writes becomes SQL.
A shape is built once: the values of a filter are parameters that have names.
The trick is to read no more tables than the states ask for: each is walked by its own index on
(tenant, id), newest first, and stops at the page's end, so that a page costs the same at a
thousand jobs and at a hundred million. Only filters that match next to nothing walk far.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from typing import Any, LiteralString, NamedTuple, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from taskflow.kernel.job import State
from taskflow.kernel.listing import LIVE_STATES, JobFilter, JobLine
from taskflow.store import walks
from taskflow.store.call import Call, Row, each, remembered, scalar

T = TypeVar("T")
TEXTS = postgresql.ARRAY(sa.Text)
Condition = sa.ColumnElement[bool] | sa.TextClause
MESSAGE_LENGTH = 300
SHAPES = 500
"""How many statements of each kind are kept: building one takes 3 ms, which is most of a page."""
MARGIN = timedelta(minutes=1)
"""How far ids and creation times may be out of step."""
_NOW = sa.select(sa.func.taskflow.now()).scalar_subquery()
"""One reading of the clock per statement: called in a condition it would run for every row."""
_LIMIT = sa.bindparam("limit", type_=sa.Integer)
_AFTER = sa.bindparam("after", type_=sa.BigInteger)
_TIME = postgresql.TIMESTAMP(timezone=True)
_ANY_TIME = datetime(2000, 1, 1, tzinfo=UTC)
_LISTS = ("tasks", "queues", "tags", "ids", "fingerprints")


class Built(NamedTuple):
    """A statement of some shape, and the parameters that it takes."""

    statement: LiteralString
    parameters: Mapping[str, Any]


class Source(NamedTuple):
    """A table that holds jobs of some states, with what it calls the things that lists show."""

    table: sa.TableClause
    states: tuple[State, ...]
    state: sa.ColumnElement[Any]
    finished_at: sa.ColumnElement[Any]
    reason: sa.ColumnElement[Any]
    error_class: sa.ColumnElement[Any]
    error_message: sa.ColumnElement[Any]


@remembered
def page(wanted: JobFilter, limit: int, after: int | None = None) -> Call[list[JobLine]]:
    """Up to `limit` jobs, newest first, below the id `after` (where the last page ended)."""
    return _call(
        _page(_shape(wanted), is_first=after is None),
        wanted, each(JobLine), limit=limit, after=after,
    )  # fmt: skip


@lru_cache(maxsize=SHAPES)
def _page(shape: JobFilter, *, is_first: bool) -> Built:
    parts = []
    for source, conditions in _parts(shape):
        c = source.table.c
        part = sa.select(
            c.id, source.state.label("state"), c.queue, c.task,
            sa.func.taskflow.priority_name(c.priority).label("priority"), c.attempt,
            c.max_attempts, c.run_at, c.created_at, c.started_at,
            source.finished_at.label("finished_at"), c.worker_id, source.reason.label("reason"),
            source.error_class.label("error_class"),
            source.error_message.label("error_message"), c.tags,
        ).where(*conditions)  # fmt: skip
        if not is_first:
            part = part.where(c.id < _AFTER)
        parts.append(part.order_by(c.id.desc()).limit(_LIMIT))
    return _built(_joined(parts, descending=True))


@remembered
def ids(wanted: JobFilter, limit: int, after: int = 0, up_to: int | None = None) -> Call[list[int]]:
    """Up to `limit` ids, oldest first, above `after`: the order in which bulk actions go.

    `up_to` is the highest id to act on, so that jobs enqueued meanwhile are left alone.
    """
    return _call(
        _ids(_shape(wanted), has_end=up_to is not None),
        wanted, each(int), limit=limit, after=after, up_to=up_to,
    )  # fmt: skip


@lru_cache(maxsize=SHAPES)
def _ids(shape: JobFilter, *, has_end: bool) -> Built:
    parts = []
    for source, conditions in _parts(shape):
        c = source.table.c
        part = sa.select(c.id).where(*conditions, c.id > _AFTER)
        if has_end:
            part = part.where(c.id <= sa.bindparam("up_to", type_=sa.BigInteger))
        parts.append(part.order_by(c.id).limit(_LIMIT))
    return _built(_joined(parts, descending=False))


@remembered
def count(wanted: JobFilter) -> Call[tuple[int, int]]:
    """(how many, the highest id)."""
    return _call(_count(_shape(wanted)), wanted, lambda rows: (rows[0][0], rows[0][1]))


@lru_cache(maxsize=SHAPES)
def _count(shape: JobFilter) -> Built:
    parts = [
        sa.select(
            sa.func.count().label("count"), sa.func.max(source.table.c.id).label("last")
        ).where(*conditions)
        for source, conditions in _parts(shape)
    ]
    counted = sa.union_all(*parts).subquery()
    return _built(
        sa.select(
            sa.cast(sa.func.coalesce(sa.func.sum(counted.c.count), 0), sa.BigInteger),
            sa.func.coalesce(sa.func.max(counted.c.last), 0),
        )
    )


def capped_count(wanted: JobFilter, cap: int) -> Call[int]:
    """How many, counted no further than `cap`: the same at ten thousand and at ten million."""
    return _call(_capped(_shape(wanted)), wanted, scalar, limit=cap)


@lru_cache(maxsize=SHAPES)
def _capped(shape: JobFilter) -> Built:
    parts = [
        sa.select(source.table.c.id)
        .where(*conditions)
        .order_by(source.table.c.id.desc())
        .limit(_LIMIT)
        for source, conditions in _parts(shape)
    ]
    counted = _joined(parts, descending=True).subquery()
    return _built(sa.select(sa.func.count()).select_from(counted))


def _shape(wanted: JobFilter) -> JobFilter:
    """The filter without its values but for the states: all that decides what the statement is."""
    return JobFilter(
        tenant="",
        states=wanted.states,
        since=wanted.since and _ANY_TIME,
        until=wanted.until and _ANY_TIME,
        tasks=wanted.tasks and ("",),
        queues=wanted.queues and ("",),
        tags=wanted.tags and ("",),
        ids=wanted.ids and (0,),
        fingerprints=wanted.fingerprints and ("",),
    )


def _sources(wanted: JobFilter) -> list[Source]:
    """The tables that can hold such jobs."""
    states = set(wanted.states) or {state for source in _all_sources() for state in source.states}
    if wanted.fingerprints:
        states &= {"dead"}
    found = [source for source in _all_sources() if states & set(source.states)]
    return found or [_all_sources()[-1]]


def _parts(wanted: JobFilter) -> Iterator[tuple[Source, list[Condition]]]:
    """The tables to read, each with its conditions; a table may be read in two ways.

    No index knows scheduled jobs, but job_ready knows what is due later. Where that is little it
    is named by id, where it is much a walk by id soon meets enough; which of the two holds is
    decided inside the statement, and the other part is not run.
    """
    for source in _sources(wanted):
        conditions = _conditions(source, wanted)
        if source.table.name == "job" and wanted.states == ("scheduled",):
            cap = walks.FUTURE_CAP
            later = f"array({walks.future(cap)})"
            is_little = sa.text(f"cardinality({later}) <= {cap}")
            named = sa.text(f"taskflow.job.id = any({later})")
            yield source, [*conditions, is_little, named]
            yield source, [*conditions, sa.text(f"cardinality({later}) > {cap}")]
        else:
            yield source, conditions


def _conditions(source: Source, wanted: JobFilter) -> list[Condition]:
    c = source.table.c
    found: list[Condition] = [
        c.tenant == _given("tenant", sa.String),
        *_state_conditions(source, wanted),
    ]
    if wanted.tasks:
        found.append(c.task == sa.any_(_given("tasks", TEXTS)))
    if wanted.queues:
        found.append(c.queue == sa.any_(_given("queues", TEXTS)))
    if wanted.tags:
        found.append(c.tags.op("&&")(_given("tags", TEXTS)))
    if wanted.ids:
        found.append(c.id == sa.any_(_given("ids", postgresql.ARRAY(sa.BigInteger))))
    if wanted.fingerprints:
        found.append(c.fingerprint == sa.any_(_given("fingerprints", TEXTS)))
    if wanted.since:
        found += [c.created_at >= _given("since", _TIME), c.id >= _edge(source, "since")]
    if wanted.until:
        found += [c.created_at < _given("until", _TIME), c.id <= _edge(source, "until")]
    return found


def _state_conditions(source: Source, wanted: JobFilter) -> list[Condition]:
    states = [state for state in source.states if state in wanted.states]
    if not states or len(states) == len(source.states):
        return []
    c = source.table.c
    if source.table.name != "job":
        return [sa.cast(c.state, sa.Text) == sa.any_(sa.literal(states, TEXTS))]
    ready = c.state == sa.text("'ready'")
    tests = {
        "available": sa.and_(ready, c.attempt == 0, c.run_at <= _NOW, c.priority < 10),
        "scheduled": sa.and_(ready, c.attempt == 0, c.run_at > _NOW),
        "retrying": sa.and_(ready, c.attempt > 0, sa.or_(c.run_at > _NOW, c.priority < 10)),
        "running": c.state == sa.text("'running'"),
        "blocked": sa.or_(
            c.state == sa.text("'blocked'"),
            sa.and_(ready, c.run_at <= _NOW, c.priority >= 10),
        ),
    }
    found: list[Condition] = [sa.or_(*(tests[state] for state in states))]
    if states == ["running"]:
        # No index knows the state of a job; the claim batches know where the running ones are.
        batch = sa.table(
            "claim_batch", sa.column("tenant"), sa.column("job_ids"), schema="taskflow"
        )
        held = sa.select(sa.func.unnest(batch.c.job_ids)).where(
            batch.c.tenant == _given("tenant", sa.String)
        )
        found.append(c.id == sa.any_(sa.func.array(held.scalar_subquery())))
    return found


@cache
def _all_sources() -> tuple[Source, Source, Source]:
    names = [
        "tenant", "id", "state", "queue", "task", "priority", "attempt", "max_attempts", "run_at",
        "created_at", "started_at", "finished_at", "worker_id", "cancel_reason", "reason",
        "error_class", "error_message", "fingerprint", "tags",
    ]  # fmt: skip
    kinds: dict[str, Any] = {"tags": TEXTS, "id": sa.BigInteger}

    def table(name: str) -> sa.TableClause:
        made = [sa.column(column, kinds.get(column)) for column in names]
        return sa.table(name, *made, schema="taskflow")

    live, history, dead = table("job"), table("job_history"), table("dead_job")
    no_time, no_text = sa.null().cast(postgresql.TIMESTAMP(timezone=True)), sa.null().cast(sa.Text)
    shown = sa.func.taskflow.state_of(
        live.c.state, live.c.run_at, live.c.attempt, live.c.priority, _NOW
    )
    return (
        Source(live, LIVE_STATES, shown, no_time, live.c.cancel_reason, no_text, no_text),
        Source(
            history, ("succeeded", "cancelled"), sa.cast(history.c.state, sa.Text),
            history.c.finished_at, history.c.reason, no_text, no_text,
        ),
        Source(
            dead, ("dead",), sa.literal_column("'dead'"), dead.c.finished_at, dead.c.reason,
            dead.c.error_class, sa.func.left(dead.c.error_message, MESSAGE_LENGTH),
        ),
    )  # fmt: skip


def _joined(parts: Sequence[sa.Select[Any]], *, descending: bool) -> sa.Select[Any]:
    if len(parts) == 1:
        return parts[0]
    found = sa.union_all(*(part.subquery().select() for part in parts)).subquery()
    return sa.select(found).order_by(found.c.id.desc() if descending else found.c.id).limit(_LIMIT)


def _edge(source: Source, name: str) -> sa.TextClause:
    """The id at which the jobs created at a time begin, as a subquery."""
    return sa.text(walks.edge(source.table.name, f":{name}_edge", ":tenant")).bindparams(
        _given(f"{name}_edge", _TIME), _given("tenant", sa.String)
    )


def _given(name: str, kind: Any) -> sa.BindParameter[Any]:
    """A value of the filter, which `_call` puts in."""
    return sa.bindparam(name, type_=kind)


def _built(statement: sa.Select[Any]) -> Built:
    compiled = statement.compile(
        dialect=PGDialect_psycopg(),  # type: ignore[no-untyped-call]
        compile_kwargs={"render_postcompile": True},
    )
    return Built(str(compiled), compiled.params)


def _call(
    built: Built, wanted: JobFilter, decode: Callable[[Sequence[Row]], T], **more: int | None
) -> Call[T]:
    values: dict[str, Any] = {
        **{name: list(getattr(wanted, name)) for name in _LISTS},
        **more,
        "tenant": wanted.tenant,
        "since": wanted.since,
        "since_edge": wanted.since and wanted.since - MARGIN,
        "until": wanted.until,
        "until_edge": wanted.until and wanted.until + MARGIN,
    }
    parameters = {name: values.get(name, value) for name, value in built.parameters.items()}
    return Call(built.statement, parameters, decode)
