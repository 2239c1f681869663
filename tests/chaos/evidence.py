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
