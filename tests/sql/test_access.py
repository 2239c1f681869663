"""Users, keys and tokens as the database keeps them, and the races about them."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from taskflow.calls import health
from taskflow.store import migrate
from taskflow.store.call import run
from tests.conftest import Connect
from tests.support import factories as f

Connection = psycopg.Connection[Any]


@pytest.fixture
def ann(db: Connection) -> int:
    """A user whose password is known, by its hash."""
    found = f.value(db, "select taskflow.put_user('ann', 'admin')")
    f.value(db, "select taskflow.set_password('default', %s, 'old')", found)
    return int(found)


def bare(db: Connection) -> list[str]:
    return run(db, health.unprotected())


def find(db: Connection, secret: bytes) -> Any:
    (found,) = f.rows(db, "select * from taskflow.open_request('::1', key_hash => %s)", secret)
    return found


def test_a_login_with_a_password_that_changed_meanwhile_is_none(db: Connection, ann: int) -> None:
    """The hash was checked outside the database, which takes as long as somebody needs."""
    f.value(db, "select taskflow.set_password('default', %s, 'new')", ann)
    for call in (
        "note_login('default', %s, true, 'old')",
        "set_password('default', %s, 'x', 'old')",
    ):
        assert f.value(db, f"select taskflow.{call}", ann) is None
    assert f.value(db, "select taskflow.note_login('default', %s, true, 'new')", ann) is not None


def test_a_refresh_waits_for_the_end_of_all_logins(
    db: Connection, connect: Connect, ann: int
) -> None:
    """Whoever ends a user's logins sees the one that a token is just being turned into."""
    f.value(
        db,
        "select taskflow.issue_token('default', 'refresh', 'h', '1 hour', %s, family => 'f')",
        ann,
    )
    ending, refreshing = connect(autocommit=False), connect(autocommit=True)
    f.value(ending, "select taskflow.set_password('default', %s, 'new')", ann)
    refreshing.execute("set lock_timeout = '200ms'")
    with pytest.raises(psycopg.errors.LockNotAvailable):
        refreshing.execute("select * from taskflow.use_token('refresh', 'h')")
    ending.commit()
    assert f.rows(refreshing, "select * from taskflow.use_token('refresh', 'h')") == []


def test_a_key_does_not_outlast_what_its_user_may(db: Connection, ann: int) -> None:
    """A key that an administrator made for herself is no way back once she is a viewer."""
    f.value(db, "select taskflow.put_user('bob', 'admin')")
    for role in ("admin", "producer"):
        f.value(
            db,
            "select taskflow.create_key(%s, 'p', convert_to(%s, 'utf8'), %s, user_id => %s)",
            role, role, role, ann,
        )  # fmt: skip
    assert find(db, b"admin").role == "admin"
    f.value(db, "select taskflow.put_user(null, 'viewer', array['mail'], id => %s)", ann)
    seen = find(db, b"admin")
    assert (seen.role, seen.queues) == ("viewer", ["mail"])
    assert find(db, b"producer").standing == "disabled", "a viewer may not enqueue"
    f.value(db, "select taskflow.put_user(disabled => true, id => %s)", ann)
    assert find(db, b"admin").standing != "ok"


def test_the_tenant_of_the_installation_is_never_disabled(db: Connection) -> None:
    with pytest.raises(psycopg.Error) as caught:
        f.value(db, "select taskflow.put_tenant('default', disabled => true)")
    assert caught.value.sqlstate == "TF191"


def test_a_policy_that_was_lost_is_seen_and_made_again(fresh_dsn: str) -> None:
    """A dump restored without the roles has lost them, and would show everybody's rows."""
    with psycopg.connect(fresh_dsn, autocommit=True) as db:
        assert bare(db) == []
        db.execute("drop policy own_tenant on taskflow.job")
        db.execute("alter table taskflow.schedule disable row level security")
        assert set(bare(db)) == {"job", "schedule"}
        migrate.upgrade(fresh_dsn)
        assert bare(db) == []


def test_a_disabled_tenant_takes_no_webhooks(db: Connection) -> None:
    """Its keys are refused by then; the addresses of its sources need none."""
    f.value(db, "select taskflow.put_tenant('acme')")
    f.value(db, "select taskflow.put_source('in', 't', tenant => 'acme')")
    assert f.rows(db, "select * from taskflow.open_source('in', 'acme')")
    f.value(db, "select taskflow.put_tenant('acme', disabled => true)")
    with pytest.raises(psycopg.Error) as caught:
        f.rows(db, "select * from taskflow.open_source('in', 'acme')")
    assert caught.value.sqlstate == "TF182"


def test_a_rate_that_is_used_up_is_not_hidden_by_another_that_is_not(db: Connection) -> None:
    """A key's own rate, that of addresses for costly calls, and the tenant's: each may refuse."""
    f.value(db, "select taskflow.create_key('k', 'p', 'h', 'admin', rate => 1)")
    f.value(db, "select taskflow.put_tenant('default', max_requests => 1000)")
    asked = "select standing from taskflow.open_request('::1', key_hash => 'h', is_costly => true)"
    assert [f.value(db, asked) for _ in range(2)] == ["ok", "limited"]
