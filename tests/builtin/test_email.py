"""taskflow.email: what a mail server gets, and what never reaches one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from aiosmtpd.smtp import SMTP

from taskflow.builtin import email
from taskflow.errors import ConfigurationError, InvalidArguments
from tests.builtin.test_builtin import end_of
from tests.support import factories as f
from tests.worker.conftest import MakeApp

Connection = psycopg.Connection[Any]
SENDER = "The Shop <shop@example.com>"


class Mailbox:
    """Keeps what it is sent; refuses who has "nobody" in the address."""

    def __init__(self) -> None:
        self.mails: list[Any] = []

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, to: str, _: Any) -> str:  # noqa: N802
        if "nobody" in to:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(to)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.mails.append(envelope)
        return "250 OK"


@pytest.fixture
async def mailbox() -> AsyncIterator[tuple[Mailbox, str]]:
    box = Mailbox()
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(box), "127.0.0.1", 0)
    yield box, f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}?starttls=no"
    server.close()
    await server.wait_closed()


async def test_a_mail_arrives_whole(make_app: MakeApp, db: Connection, mailbox: Any) -> None:
    box, url = mailbox
    tf = make_app(builtin_tasks="email", smtp_url=url, mail_from=SENDER)
    text = "Grüße\n.\nfrom a line with a dot\n"
    args = {"to": ["a@example.com", "b@example.com"], "subject": "Größe €", "text": text}
    more = {"html": "<p>hi</p>", "reply_to": "r@example.com"}
    job = await end_of(tf, db, "taskflow.email", **args, **more)
    assert job.state == "succeeded", job.error_message
    assert job.result == {"message_id": f"<taskflow-{job.id}@example.com>", "refused": {}}
    (envelope,) = box.mails
    assert (envelope.mail_from, envelope.rcpt_tos) == (
        "shop@example.com", ["a@example.com", "b@example.com"])  # fmt: skip
    mail = message_from_bytes(envelope.content, policy=default)
    assert (str(mail["subject"]), str(mail["from"]), str(mail["reply-to"])) == (
        "Größe €", SENDER, "r@example.com")  # fmt: skip
    plain, html = mail.iter_parts()
    assert plain.get_content().replace("\r\n", "\n") == text
    assert html.get_content_type() == "text/html"


async def test_who_is_refused_is_told_and_all_refused_is_final(
    make_app: MakeApp, db: Connection, mailbox: Any
) -> None:
    _, url = mailbox
    tf = make_app(builtin_tasks="email", smtp_url=url, mail_from=SENDER)
    args = {"subject": "s", "text": "t"}
    some = await end_of(
        tf, db, "taskflow.email", to=["a@example.com", "nobody@example.com"], **args
    )
    assert some.result["refused"] == {"nobody@example.com": "550 no such mailbox"}
    none = await end_of(tf, db, "taskflow.email", to=["nobody@example.com"], **args)
    assert (none.state, none.error_class.rpartition(".")[2]) == ("dead", "MailRefused")


def context(mail_from: str | None = SENDER) -> Any:
    settings = SimpleNamespace(mail_from=mail_from)
    run_at = datetime(2026, 1, 1, tzinfo=UTC)
    return SimpleNamespace(app=SimpleNamespace(settings=settings), key="taskflow-7", run_at=run_at)


INJECTIONS = [
    "a\r\nBcc: x@example.com",
    "a\nBcc: x@example.com",
    "a\rb",
    "a\x00b",
    "a\u2028b",
    "a\x85b",
]


@pytest.mark.parametrize("text", INJECTIONS, ids=ascii)
def test_nothing_can_begin_another_line(text: str) -> None:
    with pytest.raises(InvalidArguments):
        email.compose(context(), ["a@example.com"], text, "t")
    with pytest.raises(InvalidArguments):
        email.compose(context(), [text + "@example.com"], "s", "t")
    with pytest.raises(InvalidArguments):
        email.compose(context(), ["a@example.com"], "s", "t", reply_to=f"a@example.com{text}")


@pytest.mark.parametrize(
    "address",
    [
        "", "a", "@example.com", "a@", "a b@example.com", "a@b@example.com", "<a@example.com>",
        "a@example.com>", '"a b"@example.com', "A <a@example.com>", "@x:a@example.com",
        "a@exa mple.com", "a@[127.0.0.1]", ".a@example.com", "a..b@example.com", "a.@example.com",
        "a@-x.example", "a@example..com", "ä@example.com", "a@example.com, b@example.com",
        "a@example.com\n", "a" * 65 + "@example.com",
    ],
)  # fmt: skip
def test_only_plain_addresses_are_taken(address: str) -> None:
    with pytest.raises(InvalidArguments):
        email.compose(context(), [address], "s", "t")


@pytest.mark.parametrize("count", [0, 51])
def test_so_many_recipients(count: int) -> None:
    with pytest.raises(InvalidArguments):
        email.compose(context(), ["a@example.com"] * count, "s", "t")


@pytest.mark.parametrize("url", [None, "", "http://x", "smtp://", "smtp://x:port", "x"])
def test_a_server_that_is_none_is_refused(url: str | None) -> None:
    with pytest.raises(ConfigurationError) as error:
        email.server_of(url)
    assert "secret" not in str(error.value)


@pytest.mark.parametrize("sender", [None, "", "x", "a@b@c", "X <a@example.com>, b@example.com"])
def test_a_sender_that_is_none_is_refused(sender: str | None) -> None:
    with pytest.raises(ConfigurationError):
        email.compose(context(sender), ["a@example.com"], "s", "t")


def test_a_password_is_not_sent_in_the_clear_unless_told_to() -> None:
    server = email.server_of("smtp://me:s%40cret@mail.example.com")
    assert (server["port"], server["password"], server["start_tls"], server["use_tls"]) == (
        587, "s@cret", True, False)  # fmt: skip
    assert email.server_of("smtps://mail.example.com")["use_tls"] is True
    assert email.server_of("smtp://mail.example.com:25?starttls=no")["start_tls"] is False


async def test_without_a_server_it_fails_and_says_so(make_app: MakeApp, db: Connection) -> None:
    tf = make_app(builtin_tasks="email", mail_from=SENDER)
    job = await end_of(tf, db, "taskflow.email", to=["a@example.com"], subject="s", text="t")
    assert "smtp_url is not set" in job.error_message
    assert f.value(db, "select count(*) from taskflow.job") == 0
