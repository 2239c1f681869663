"""`taskflow keys`, `users`, `audit` and `serve`: the API's access from the command line."""

from __future__ import annotations

from typing import Any

from taskflow.access.tokens import digest
from tests.cli.conftest import Run
from tests.support import factories as f


def test_a_key_is_printed_once_and_works(cli: Run, db: Any) -> None:
    made = cli("keys", "create", "shop", "--role", "producer", "--queue", "mail").ok()
    secret = made.out.strip()
    assert secret.startswith("tf_")
    assert "shown once" in made.err
    found = f.rows(
        db, "select standing, role, queues from taskflow.open_request('a', %s)", digest(secret)
    )
    assert [(row.standing, row.role, row.queues) for row in found] == [("ok", "producer", ["mail"])]
    listed = cli("keys", "list").ok().out
    assert secret[:11] in listed
    assert secret not in listed


def test_a_scope_that_the_role_has_not_is_refused(cli: Run) -> None:
    refused = cli("keys", "create", "shop", "--role", "producer", "--scope", "jobs:write")
    assert (refused.code, "TF111" in refused.err) == (2, True)
    typo = cli("keys", "create", "shop", "--role", "viewer", "--scope", "job:read")
    assert 'Did you mean "jobs:read"?' in typo.err


def test_rotating_and_revoking(cli: Run, db: Any) -> None:
    old = cli("keys", "create", "shop").ok().out.strip()
    (key,) = cli("keys", "list", "--json").ok().json
    new = cli("keys", "rotate", key["id"], "--overlap", "1h").ok().out.strip()

    def standing(secret: str) -> Any:
        return f.value(db, "select standing from taskflow.open_request('a', %s)", digest(secret))

    assert [standing(old), standing(new)] == ["ok", "ok"]
    cli("keys", "revoke", key["id"]).ok()
    assert [standing(old), standing(new)] == ["disabled", "disabled"]
    assert "revoked" in cli("keys", "list").ok().out
    assert cli("keys", "revoke", "999").code == 3


def test_a_user_comes_by_a_link(cli: Run, db: Any) -> None:
    token = cli("users", "create", "ann", "--role", "operator").ok().out.strip()
    assert token.startswith("/setup#")
    owner = f.rows(
        db, "select name, role from taskflow.use_token('link', %s)", digest(token[len("/setup#") :])
    )
    assert [tuple(row) for row in owner] == [("ann", "operator")]
    (user,) = cli("users", "list", "--json").ok().json
    assert cli("users", "set", user["id"], "--off").ok().out.count("off") == 1
    assert cli("users", "create", "ann").code == 5


def test_the_audit_trail_is_shown(cli: Run, db: Any) -> None:
    assert cli("audit").ok().out == ""
    f.value(
        db,
        "select taskflow.note_audit('user:ann', 'user', 1, '127.0.0.1', 'r', 'jobs.cancel',"
        " 'POST', '/api/v1/jobs/7/cancel', 200, '7')",
    )
    shown = cli("audit", "--actor", "user:ann").ok().out
    assert "jobs.cancel" in shown
    assert cli("audit", "--actor", "user:bob").ok().out == ""


def test_a_superuser_is_refused_with_the_way_out(cli: Run) -> None:
    """Attack 6: row-level security asks nothing of one."""
    refused = cli("serve")
    assert (refused.code, "TF201" in refused.err) == (2, True)
    assert "create role web login in role taskflow_api" in refused.err
