"""What a run leaves behind for the checker: a table that a trigger writes, a ledger, and logs.

The trigger stands only in the databases of these tests. `job_event` has a row for each change of a
live job, written while the row is locked, so its ids are the order of things for one job.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from psycopg.types.json import Jsonb

SETUP: LiteralString = """
create table job_event (
  id bigint generated always as identity primary key,
  at timestamptz not null default clock_timestamp(), op text not null, job_id bigint not null,
  old_state text, old_claim_no bigint, old_lease timestamptz,
  state text, claim_no bigint, lease timestamptz,
  worker_id bigint, attempt int, lost int, unique_key text
);
create function note_job_event() returns trigger language plpgsql
  security definer set search_path = public as $$
begin
  insert into job_event (op, job_id, old_state, old_claim_no, old_lease, state, claim_no, lease,
                         worker_id, attempt, lost, unique_key)
  values (tg_op, coalesce(new.id, old.id), old.state, old.claim_no, old.lease_until, new.state,
          new.claim_no, new.lease_until, new.worker_id, new.attempt, new.lost,
          coalesce(new.unique_key, old.unique_key));
  return null;
end
$$;
create trigger note after insert or update or delete on taskflow.job
  for each row execute function note_job_event();
create table ledger (job_id bigint not null, claim_no bigint not null);
"""


def prepare(dsn: str) -> None:
    """Makes a migrated database ready to be watched."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(SETUP)


AT_ONCE = 1
"""So many jobs of outside.plain with the same `ms` may run at once."""
STARTS = 40
"""So many runs of outside.flaky may start in a second, wherever it begins."""


def set_limits(db: psycopg.Connection[Any]) -> None:
    db.execute(
        "select taskflow.set_limit('plain', task => 'outside.plain', key => '{ms}',"
        " concurrency => %s)",
        (AT_ONCE,),
    )
    db.execute(
        "select taskflow.set_limit('flaky', task => 'outside.flaky', rate => %s, per => '1 s')",
        (STARTS,),
    )


PIPELINE = {
    "nodes": {
        "split": {"task": "flow.split", "args": {"run": {"$path": "$.input.run"}}},
        "double": {
            "task": "flow.double", "needs": ["split"], "for_each": "$.steps.split.result",
            "args": {"n": {"$path": "$.item"}},
        },
        "sum": {
            "task": "flow.sum", "needs": ["double"],
            "args": {"parts": {"$path": "$.steps.double.result"}},
        },
    },
    "output": "$.steps.sum.result",
}  # fmt: skip
PIPELINE_GIVES = 12
PIPELINE_JOBS = 5


def save_workflow(db: psycopg.Connection[Any]) -> None:
    db.execute("select taskflow.save_workflow('pipeline', %s)", (Jsonb(PIPELINE),))


def set_schedules(db: psycopg.Connection[Any], seconds: float) -> None:
    """One whose jobs may be any number, and one whose tick waits for the job before; both end with
    the load, and what is missed is caught up with."""
    for name, overlap, ms in (("free", "allow", 5), ("queued", "queue", 700)):
        db.execute(
            "select taskflow.put_schedule(%s, 'outside.tick', %s, every => '1 s', overlap => %s,"
            " catch_up => 'all', ends_at => taskflow.now() + %s * interval '1 s')",
            (name, Jsonb({"ms": ms}), overlap, seconds),
        )


class Log:
    """An append-only file of one process, a JSON object to a line, each written at once."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab", buffering=0)

    def write(self, **fields: Any) -> None:
        self._file.write(json.dumps(fields).encode() + b"\n")

    def close(self) -> None:
        self._file.close()


def read_logs(directory: Path, pattern: str) -> Iterator[dict[str, Any]]:
    """Every line; the last one of a process that was killed may be torn."""
    for path in sorted(directory.glob(pattern)):
        for line in path.read_bytes().splitlines():
            try:
                yield json.loads(line)
            except ValueError:
                continue
